#pragma once
// What programs are told of the admin API.

#include <string>

namespace muster::admin {

/// The OpenAPI 3.1 description of every command that has a path, from the table. docs/openapi.json is its copy.
std::string openapi();

}  // namespace muster::admin
