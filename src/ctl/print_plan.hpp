#pragma once
// What another configuration would do, for people.

#include <boost/json/fwd.hpp>
#include <string>

namespace muster::ctl {

std::string plan_text(const boost::json::object& plan);

}  // namespace muster::ctl
