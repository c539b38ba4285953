#pragma once
// The man pages, from the tables of commands, of musterd's options and of keys.

#include <string>
#include <string_view>

namespace muster::ctl {

/// "musterctl" (1), "musterd" (8) or "muster.yaml" (5) in roff; empty for others.
std::string man_page(std::string_view page);

}  // namespace muster::ctl
