#pragma once
// What musterd's command line takes: one table makes its help and musterd(8).

#include "muster/admin/command.hpp"

namespace muster::admin {

/// An option has a value and must be given, a flag need not.
inline constexpr Parameter daemon_options[] = {
    {"config", "configuration file (YAML)", Parameter::Kind::option, "FILE"},
    {"check", "check the configuration, then end", Parameter::Kind::flag},
};

}  // namespace muster::admin
