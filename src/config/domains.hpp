#pragma once
// The domains of the file: whose they are, how long bindings last, how phones log in.

#include "section.hpp"

namespace muster::config {

void read_domains(const Section& top, core::Settings& settings, Faults& faults);

}  // namespace muster::config
