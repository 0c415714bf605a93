// The program that tests start as guard: in the product it is `troupe` itself.
#include "apps/troupe/worker/worker.h"

int main(int argc, char** argv) {
  return troupe::worker::run_guard(argc, argv);
}
