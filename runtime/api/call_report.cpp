#include "runtime/api/call_report.h"

namespace troupe::api {

const char* to_string(Face face) {
  switch (face) {
    case Face::http: return "http";
    case Face::rpc: return "rpc";
  }
  return "";
}

}  // namespace troupe::api
