#pragma once
// What the command line asks for.

#include <optional>
#include <string>

#include "muster/admin/command.hpp"
#include "muster/admin/server.hpp"

namespace muster::ctl {

struct Invocation {
    admin::Request request;
    std::string file;  ///< argument of a command that takes one; "-" is standard input
    admin::Target target;
    std::optional<unsigned> timeout;  ///< seconds
    bool json = false;
};

/// Does it, prints the result, and returns the exit code.
int run(Invocation invocation);

}  // namespace muster::ctl
