#pragma once
// What every command of musterctl takes.

#include <string>

#include "muster/admin/command.hpp"

namespace muster::ctl {

inline constexpr admin::Parameter global_options[] = {
    {"socket", "Unix socket of the daemon; else MUSTER_SOCKET", admin::Parameter::Kind::option, "PATH"},
    {"url", "Ask over HTTP instead, e.g. https://muster.example.com:9460", admin::Parameter::Kind::option, "URL"},
    {"token-file", "File with the bearer token for --url", admin::Parameter::Kind::option, "FILE"},
    {"ca", "PEM file with those who sign the certificate of --url", admin::Parameter::Kind::option, "FILE"},
    {"json", "Print JSON as the daemon gave it; lists one object a line", admin::Parameter::Kind::flag},
    {"timeout", "Wait so many seconds for the daemon", admin::Parameter::Kind::option, "N"},
};

/// Where the daemon is when `--socket` does not say it: as MUSTER_SOCKET has it, where the package puts it, or beside
/// this binary in a build tree.
std::string find_socket();

}  // namespace muster::ctl
