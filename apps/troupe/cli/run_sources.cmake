# The sources of `run`, `submit` and the watching of groups; they link troupe_group_file,
# PkgConfig::LIBARCHIVE and PkgConfig::LIBGIT2.
set(troupe_cli_run_sources
  group_observer.cpp
  group_rerun.cpp
  permissions.cpp
  reconnect.cpp
  rerun_plan.cpp
  run_commands.cpp
  run_create.cpp
  run_file.cpp
  run_group.cpp
  submit.cpp
  submit_log.cpp
  upload_pack.cpp
  upload_task.cpp
  watch.cpp
  watch_explain.cpp
  watch_reasons.cpp
  watch_state.cpp
  watch_view.cpp)
