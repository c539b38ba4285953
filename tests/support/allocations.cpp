#include "support/allocations.hpp"

#include <cstdlib>
#include <new>

namespace {
std::size_t count = 0;
std::size_t failing = 0;  // the allocation that fails, by its number; 0: none
bool all_after_it = false;
}  // namespace

namespace muster::test {
std::size_t allocations() { return count; }
void fail_allocation(std::size_t nth, bool lasting) {
    failing = nth == 0 ? 0 : count + nth;
    all_after_it = lasting;
}
bool allocation_has_failed() { return failing != 0 && count >= failing; }
}  // namespace muster::test

void* operator new(std::size_t size, const std::nothrow_t&) noexcept {
    ++count;
    if (count == failing || (all_after_it && muster::test::allocation_has_failed())) return nullptr;
    return std::malloc(size == 0 ? 1 : size);
}
void* operator new(std::size_t size) {
    if (void* memory = operator new(size, std::nothrow)) return memory;
    throw std::bad_alloc();
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
