#pragma once
// A binding as JSON, wherever it is shown.

#include <boost/json.hpp>

#include "muster/location/binding.hpp"

namespace muster::daemon {

/// Adds what a REGISTER has said of it and where that came from; `expires` in seconds left at `at`, null for never.
void append_binding(boost::json::object& out, const location::Binding& binding, base::Mono at);
boost::json::object binding_json(const location::Binding& binding, base::Mono at);

/// 0.7 as "0.7": Boost.JSON would print a number otherwise.
std::string q_text(std::uint16_t q);

}  // namespace muster::daemon
