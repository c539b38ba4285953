#pragma once
// What the command line asks for.

#include <optional>
#include <string>

#include "muster/admin/command.hpp"

namespace muster::ctl {

struct Invocation {
    admin::Request request;
    std::string file;  ///< argument of a command that takes one; "-" is standard input
    std::string socket;
    std::optional<unsigned> timeout;  ///< seconds
    bool json = false;
};

/// Does it, prints the result, and returns the exit code.
int run(Invocation invocation);

}  // namespace muster::ctl
