#pragma once
// Many seeds, one after the other: what they have seen, and how to replay the one that fails.

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <optional>
#include <string_view>
#include <vector>

#include "muster/base/text.hpp"
#include "sim/simulation.hpp"

namespace muster::sim {

inline std::optional<std::uint64_t> number_from(const char* name) {
    const char* text = std::getenv(name);
    return text ? base::decimal(text) : std::nullopt;
}

/// Runs every `slices`-th seed from `slice` + 1 on, up to the number that `variable` says or else `usual`; with
/// MUSTER_SEED that one alone, and prints what happened. After a whole run each of `must` has happened in it.
inline void run_seeds(Result (*simulate)(std::uint64_t), std::uint64_t slice, std::uint64_t slices,
                      const char* variable, std::uint64_t usual, const std::vector<std::string_view>& must) {
    const auto only = number_from("MUSTER_SEED");
    const auto seeds = number_from(variable).value_or(usual);
    std::map<std::string, std::uint64_t, std::less<>> seen;
    for (std::uint64_t seed = slice + 1; seed <= std::max(seeds, only.value_or(0)); seed += slices) {
        if (only && seed != *only) continue;
        auto result = simulate(seed);
        for (const auto& [what, count] : result.seen) seen[what] += count;
        ASSERT_EQ(result.failure, "") << "replay with: MUSTER_SEED=" << seed << " "
                                      << std::filesystem::read_symlink("/proc/self/exe").string();
    }
    if (only)
        for (const auto& [what, count] : seen) std::cout << what << ": " << count << "\n";
    if (only || seeds < usual) return;
    for (auto what : must) EXPECT_TRUE(seen.contains(what)) << what << " never happened";
}

}  // namespace muster::sim
