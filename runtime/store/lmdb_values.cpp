#include "runtime/store/lmdb_values.h"

#include <cerrno>

namespace troupe {

std::string damage_text(const std::string& directory, const std::string& found) {
  return "the store in " + directory + " is damaged (" + found +
         "): `troupe check` reads every page; restore a backup";
}

Error lmdb_error(const std::string& what, int code) {
  const std::string detail = what + ": " + mdb_strerror(code);
  switch (code) {
    case MDB_MAP_FULL:
    case ENOSPC:
    case EDQUOT: return Error{Errc::busy, detail};
    case MDB_VERSION_MISMATCH:
    case MDB_INVALID:
    case MDB_CORRUPTED:
    case MDB_PAGE_NOTFOUND: return Error{Errc::corrupt, detail};
    default: return Error{Errc::unavailable, detail};
  }
}

}  // namespace troupe
