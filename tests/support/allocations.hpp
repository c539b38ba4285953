#pragma once
// Counts what a test program takes from the heap. Linking muster_test_allocations is what makes it count.

#include <cstddef>

namespace muster::test {

/// Allocations by `new` since the start of the program.
std::size_t allocations();

}  // namespace muster::test
