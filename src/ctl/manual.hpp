#pragma once
// What is generated from the table of commands besides the command line itself.

#include <string>

namespace muster::ctl {

/// To be sourced by bash, or put into /usr/share/bash-completion/completions/musterctl.
std::string bash_completion();
/// musterctl(1) in roff.
std::string man_page();

}  // namespace muster::ctl
