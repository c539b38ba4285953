#pragma once
// Figures for people and for programs.

#include <filesystem>
#include <string_view>

#include "measure.hpp"

namespace muster::bench {

void print_head(std::string_view server);
void print_row(const Row& row);
void print_value(std::string_view name, double value);

/// The cost at the first over that at the second, in each pair.
struct Ratio {
    std::string name;
    double median = 0, low = 0, high = 0;
};
/// `ours` and `theirs` were measured in turns; what only one of them has is left out.
std::vector<Ratio> ratios(const std::vector<Figures>& ours, const std::vector<Figures>& theirs);
void print_ratios(const std::vector<Ratio>& ratios, std::string_view ours, std::string_view theirs);

struct Report {
    std::vector<std::pair<std::string, std::string>> circumstances;
    std::vector<Figures> runs;
    std::vector<Ratio> ratios;
};
void write_json(const Report& report, const std::filesystem::path& file);
/// The tables of docs/performance.md.
void write_markdown(const Report& report, const std::filesystem::path& file);

}  // namespace muster::bench
