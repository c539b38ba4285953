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
/// The Via field that holds the topmost value of `request`, which came over `flow`: the value then says where from
/// (RFC 3261 s18.2.1, RFC 3581 s4).
void append_received_via(std::string& out, const Message& request, const Field& field, const base::Flow& flow);
/// True for the field that the topmost Via stands in.
inline bool holds_top_via(const Message& message, const Field& field) {
    return field.header == Header::via && field.value.data() == message.via.text.data();
}

}  // namespace muster::sip
