#include "report.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>
#include <cstdio>
#include <fstream>

namespace muster::bench {
namespace {

namespace json = boost::json;

constexpr double negligible = .005;  // of a row's time

double per_second(const Tally& tally) {
    return tally.seconds > 0 ? static_cast<double>(tally.right) / tally.seconds : 0;
}

json::object to_json(const Row& row) {
    const auto& tally = row.tally;
    json::object wrong, profile;
    for (const auto& [what, count] : tally.wrong) wrong[what] = count;
    for (const auto& [name, share] : row.shares) profile[name] = share * row.cpu_us;
    return {{"operation", row.name},
            {"transactions", tally.started},
            {"right", tally.right},
            {"wrong", wrong},
            {"requests", tally.requests},
            {"retransmissions", tally.retransmissions},
            {"stale", tally.stale},
            {"put_off", tally.put_off},
            {"timeouts", tally.timeouts},
            {"strays", tally.strays},
            {"seconds", tally.seconds},
            {"per_second", per_second(tally)},
            {"cpu_us", row.cpu_us},
            {"profile_us", profile},
            {"generator_cpu_us", tally.right > 0 ? tally.own_cpu_seconds * 1e6 / static_cast<double>(tally.right) : 0},
            {"p50_ms", tally.percentile(.5)},
            {"p90_ms", tally.percentile(.9)},
            {"p99_ms", tally.percentile(.99)},
            {"max_ms", tally.percentile(1)}};
}

json::object to_json(const Figures& figures) {
    json::array rows;
    for (const auto& row : figures.rows) rows.push_back(to_json(row));
    json::object values;
    for (const auto& [name, value] : figures.values) values[name] = value;
    return {{"server", figures.server}, {"rows", rows}, {"values", values}};
}

/// Of one figure over all pairs; `figure` returns null when a run does not have it.
template <class Get>
void add_ratio(std::vector<Ratio>& all, std::string name, const std::vector<Figures>& ours,
               const std::vector<Figures>& theirs, Get figure) {
    std::vector<double> found;
    for (std::size_t i = 0; i < std::min(ours.size(), theirs.size()); ++i) {
        const double a = figure(ours[i]), b = figure(theirs[i]);
        if (a > 0 && b > 0) found.push_back(a / b);
    }
    if (found.empty()) return;
    std::sort(found.begin(), found.end());
    const auto middle = found.size() / 2;
    const double median = found.size() % 2 == 1 ? found[middle] : (found[middle - 1] + found[middle]) / 2;
    all.push_back({std::move(name), median, found.front(), found.back()});
}

}  // namespace

void print_head(std::string_view server) {
    fmt::print("\n{}\n{:<40}{:>9}{:>10}{:>9}{:>9}{:>9}{:>9}{:>8}{:>7}\n", server, "operation", "right", "a second",
               "CPU us", "p50 ms", "p99 ms", "max ms", "again", "wrong");
}

void print_row(const Row& row) {
    const auto& tally = row.tally;
    fmt::print("{:<40}{:>9}{:>10.0f}{:>9.2f}{:>9.2f}{:>9.2f}{:>9.1f}{:>8}{:>7}\n", row.name, tally.right,
               per_second(tally), row.cpu_us, tally.percentile(.5), tally.percentile(.99), tally.percentile(1),
               tally.retransmissions, tally.wrong_count());
    if (tally.put_off > 0 || tally.timeouts > 0)
        fmt::print("{:<40}{} times told 503 and obeyed Retry-After, {} begun anew after 32 s\n", "", tally.put_off,
                   tally.timeouts);
    for (const auto& [name, share] : row.shares)
        if (share >= negligible) fmt::print("    {:<46}{:>9.2f}\n", name, share * row.cpu_us);
    std::fflush(stdout);
    for (const auto& [what, count] : tally.wrong)
        fmt::print(stderr, "WRONG: {}: {} times: {}\n", row.name, count, what);
}

void print_value(std::string_view name, double value) {
    fmt::print("{:<40}{:>9.1f}\n", name, value);
    std::fflush(stdout);
}

std::vector<Ratio> ratios(const std::vector<Figures>& ours, const std::vector<Figures>& theirs) {
    std::vector<Ratio> all;
    if (ours.empty()) return all;
    for (const auto& row : ours[0].rows) {
        const auto& name = row.name;
        const bool is_open_loop = name.ends_with("a second");
        add_ratio(all, name + (is_open_loop ? ": p99" : ": CPU"), ours, theirs, [&](const Figures& figures) {
            const auto* found = figures.find(name);
            return found ? is_open_loop ? found->tally.percentile(.99) : found->cpu_us : 0;
        });
    }
    for (const auto& [name, ignored] : ours[0].values)
        add_ratio(all, name, ours, theirs, [&, &its = name](const Figures& figures) {
            const auto* found = figures.value(its);
            return found ? *found : 0;
        });
    return all;
}

void print_ratios(const std::vector<Ratio>& ratios, std::string_view ours, std::string_view theirs) {
    fmt::print("\n{} over {}: below 1 is less\n{:<46}{:>8}{:>8}{:>8}\n", ours, theirs, "", "median", "lowest",
               "highest");
    for (const auto& ratio : ratios)
        fmt::print("{:<46}{:>8.2f}{:>8.2f}{:>8.2f}\n", ratio.name, ratio.median, ratio.low, ratio.high);
}

void write_json(const Report& report, const std::filesystem::path& file) {
    json::object all;
    json::object circumstances;
    for (const auto& [name, value] : report.circumstances) circumstances[name] = value;
    all["circumstances"] = circumstances;
    json::array runs, ratios;
    for (const auto& figures : report.runs) runs.push_back(to_json(figures));
    for (const auto& ratio : report.ratios)
        ratios.push_back(
            json::object{{"what", ratio.name}, {"median", ratio.median}, {"low", ratio.low}, {"high", ratio.high}});
    all["runs"] = runs;
    all["ratios"] = ratios;
    std::ofstream out(file);
    out << json::serialize(all) << '\n';
    if (!out.flush()) throw std::runtime_error("cannot write " + file.string());
}

void write_markdown(const Report& report, const std::filesystem::path& file) {
    std::ofstream out(file);
    for (const auto& [name, value] : report.circumstances) out << name << ": " << value << ". ";
    for (const auto& figures : report.runs) {
        out << "\n\n| " << figures.server
            << " | a second | CPU us each | p50 ms | p99 ms | wrong |\n|---|---|---|---|---|---|\n";
        for (const auto& row : figures.rows)
            out << fmt::format("| {} | {:.0f} | {:.1f} | {:.2f} | {:.2f} | {} |\n", row.name, per_second(row.tally),
                               row.cpu_us, row.tally.percentile(.5), row.tally.percentile(.99),
                               row.tally.wrong_count());
        if (std::ranges::any_of(figures.rows, [](const Row& row) { return !row.shares.empty(); }))
            out << "\n| operation | where | CPU us each |\n|---|---|---|\n";
        for (const auto& row : figures.rows)
            for (const auto& [name, share] : row.shares)
                if (share >= negligible)
                    out << fmt::format("| {} | {} | {:.2f} |\n", row.name, name, share * row.cpu_us);
        if (!figures.values.empty()) out << "\n| | |\n|---|---|\n";
        for (const auto& [name, value] : figures.values) out << fmt::format("| {} | {:.0f} |\n", name, value);
    }
    if (!report.ratios.empty()) out << "\n| ours over theirs | median | lowest | highest |\n|---|---|---|---|\n";
    for (const auto& ratio : report.ratios)
        out << fmt::format("| {} | {:.2f} | {:.2f} | {:.2f} |\n", ratio.name, ratio.median, ratio.low, ratio.high);
    if (!out.flush()) throw std::runtime_error("cannot write " + file.string());
}

}  // namespace muster::bench
