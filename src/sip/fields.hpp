#pragma once
// The pieces that every message we write is made of.

#include <string>
#include <string_view>

#include "muster/base/flow.hpp"
#include "muster/sip/message.hpp"

namespace muster::sip {

/// A value on one line: folds become spaces.
void append_unfolded(std::string& out, std::string_view text);
void append_field(std::string& out, std::string_view name, std::string_view value);
/// The Via fields of a request that came over `flow`, in order; the topmost says where it really came from
/// (RFC 3261 s18.2.1, RFC 3581 s4).
void append_vias(std::string& out, const Message& request, const base::Flow& flow);

}  // namespace muster::sip
