#pragma once
// Counts what a test program takes from the heap, and lets it run out. Linking muster_test_allocations is what does it.

#include <cstddef>

namespace muster::test {

/// Allocations by `new` since the start of the program.
std::size_t allocations();

/// The `nth` allocation from now on fails; `lasting`: so do all after it. 0: none does.
void fail_allocation(std::size_t nth, bool lasting = false);
/// Whether one has, since then.
bool allocation_has_failed();

}  // namespace muster::test
