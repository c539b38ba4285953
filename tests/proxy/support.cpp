#include "support.hpp"

#include <cstdlib>
#include <new>

namespace muster::proxy {
std::size_t allocations = 0;
}

// Counts for the whole test program.
void* operator new(std::size_t size) {
    ++muster::proxy::allocations;
    if (void* memory = std::malloc(size)) return memory;
    throw std::bad_alloc();
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
