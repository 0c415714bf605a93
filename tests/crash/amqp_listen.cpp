// A reader of RabbitMQ for tests: declares a durable queue, binds it to what standard input names
// (`EXCHANGE PATTERN` a line), and with `take` prints each message that comes as a line: exchange,
// routing key, CCs, properties, body, with tabs between. Acknowledges what it has printed.
//
// With a LENGTH the queue refuses what is more; `delete` removes it.
//
//   amqp_listen PORT QUEUE bind [LENGTH]
//   amqp_listen PORT QUEUE take|delete
#include <amqp.h>
#include <amqp_framing.h>
#include <amqp_tcp_socket.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <string>

namespace {

constexpr amqp_channel_t channel = 1;
constexpr int frame_bytes_max = 131'072;

amqp_bytes_t bytes_of(const std::string& text) {
  return {text.size(), const_cast<char*>(text.data())};
}

std::string text_of(amqp_bytes_t bytes) {
  return {static_cast<const char*>(bytes.bytes), bytes.len};
}

void require(bool holds, const char* what) {
  if (holds) return;
  std::cerr << "amqp_listen: " << what << '\n';
  std::exit(EXIT_FAILURE);
}

void require_answer(amqp_connection_state_t state, const char* what) {
  require(amqp_get_rpc_reply(state).reply_type == AMQP_RESPONSE_NORMAL, what);
}

amqp_connection_state_t open(int port) {
  amqp_connection_state_t state = amqp_new_connection();
  amqp_socket_t* const socket = amqp_tcp_socket_new(state);
  require(amqp_socket_open(socket, "127.0.0.1", port) == AMQP_STATUS_OK, "no broker");
  const auto in =
      amqp_login(state, "/", 1, frame_bytes_max, 0, AMQP_SASL_METHOD_PLAIN, "guest", "guest");
  require(in.reply_type == AMQP_RESPONSE_NORMAL, "not let in");
  amqp_channel_open(state, channel);
  require_answer(state, "no channel");
  return state;
}

// Durable; it refuses what is more than `length`, if that is not 0.
void declare(amqp_connection_state_t state, const std::string& queue, int length) {
  std::array<amqp_table_entry_t, 2> limits{};
  limits[0].key = amqp_cstring_bytes("x-max-length");
  limits[0].value.kind = AMQP_FIELD_KIND_I32;
  limits[0].value.value.i32 = length;
  limits[1].key = amqp_cstring_bytes("x-overflow");
  limits[1].value.kind = AMQP_FIELD_KIND_UTF8;
  limits[1].value.value.bytes = amqp_cstring_bytes("reject-publish");
  const amqp_table_t arguments{length > 0 ? static_cast<int>(limits.size()) : 0, limits.data()};
  amqp_queue_declare(state, channel, bytes_of(queue), 0, 1, 0, 0, arguments);
  require_answer(state, "cannot declare the queue");
}

std::string copies_of(const amqp_basic_properties_t& properties) {
  std::string out;
  for (int i = 0; i < properties.headers.num_entries; ++i) {
    const auto& entry = properties.headers.entries[i];
    if (text_of(entry.key) != "CC" || entry.value.kind != AMQP_FIELD_KIND_ARRAY) continue;
    const auto& array = entry.value.value.array;
    out += "CC";
    for (int k = 0; k < array.num_entries; ++k) out += " " + text_of(array.entries[k].value.bytes);
  }
  return out;
}

void take(amqp_connection_state_t state, const std::string& queue) {
  constexpr int prefetch = 500;
  amqp_basic_qos(state, channel, 0, prefetch, 0);
  amqp_basic_consume(state, channel, bytes_of(queue), amqp_empty_bytes, 0, 0, 0, amqp_empty_table);
  require_answer(state, "cannot consume");
  for (;;) {
    amqp_maybe_release_buffers(state);
    amqp_envelope_t envelope;
    const auto reply = amqp_consume_message(state, &envelope, nullptr, 0);
    if (reply.reply_type != AMQP_RESPONSE_NORMAL) return;  // the broker has ended
    const auto& properties = envelope.message.properties;
    const std::string line =
        text_of(envelope.exchange) + '\t' + text_of(envelope.routing_key) + '\t' +
        copies_of(properties) + '\t' + text_of(properties.content_type) + ' ' +
        text_of(properties.content_encoding) + ' ' + std::to_string(properties.delivery_mode) +
        '\t' + text_of(envelope.message.body) + '\n';
    std::fwrite(line.data(), 1, line.size(), stdout);
    std::fflush(stdout);
    amqp_basic_ack(state, channel, envelope.delivery_tag, 0);
    amqp_destroy_envelope(&envelope);
  }
}

}  // namespace

int main(int argc, char** argv) {
  require(argc == 4 || argc == 5, "usage: amqp_listen PORT QUEUE bind [LENGTH] | take | delete");
  const std::string queue = argv[2];
  const std::string what = argv[3];
  amqp_connection_state_t state = open(std::atoi(argv[1]));
  if (what == "delete") {
    amqp_queue_delete(state, channel, bytes_of(queue), 0, 0);
    require_answer(state, "cannot delete the queue");
    amqp_destroy_connection(state);
    return EXIT_SUCCESS;
  }
  declare(state, queue, argc == 5 ? std::atoi(argv[4]) : 0);
  std::string exchange;
  std::string pattern;
  while (std::cin >> exchange >> pattern) {
    amqp_queue_bind(state, channel, bytes_of(queue), bytes_of(exchange), bytes_of(pattern),
                    amqp_empty_table);
    require_answer(state, "cannot bind the queue");
  }
  if (what == "take") take(state, queue);
  amqp_destroy_connection(state);
  return EXIT_SUCCESS;
}
