#pragma once
// Which line of the file says what.

#include <yaml-cpp/yaml.h>

#include <string>

#include "muster/config/config.hpp"

namespace muster::config {

/// Of a document without faults.
Places places_of(const YAML::Node& document, const std::string& file);

}  // namespace muster::config
