#include "app/daemon.h"
#include "app/engine.h"
#include "app/sources.h"
#include "app/token_proxy.h"
#include "cli/cli.h"

int main(int argc, char** argv) {
    return weir::cli::main(
        argc, argv,
        {weir::app::run_daemon, weir::app::remove_engine, weir::app::open_replay, weir::app::load_config,
         weir::app::table_bytes, weir::app::source_kinds, weir::app::run_token_proxy});
}
