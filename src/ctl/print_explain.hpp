#pragma once
// A request that was judged, for people.

#include <boost/json/fwd.hpp>
#include <string>

namespace muster::ctl {

/// What was asked, what was answered, which rule decided and which setting has a say, and what became of the bindings.
/// Some lines, the first at the margin.
std::string explained_text(const boost::json::object& explained);

}  // namespace muster::ctl
