#pragma once
// What a registrar is asked to do, and what it cost.

#include <string>
#include <utility>
#include <vector>

#include "drive.hpp"
#include "server.hpp"

namespace muster::bench {

/// One kind of transaction.
struct Row {
    std::string name;
    Tally tally;
    double cpu_us = 0;  ///< of the server, for each right transaction
    Shares shares{};    ///< of that; empty unless it was asked for
};

/// One server, once through everything.
struct Figures {
    std::string server;
    std::vector<Row> rows;
    std::vector<std::pair<std::string, double>> values;  ///< what is no transaction; its name says the unit
    std::uint64_t wrong() const;
    const Row* find(std::string_view name) const;
    const double* value(std::string_view name) const;
};

struct Plan {
    std::vector<Way> ways{udp, tcp};
    /// Rows are measured with the change log at its limit and being trimmed.
    bool steady = true;
    bool profile = false;  ///< sample where the time goes, which costs some itself
    std::uint32_t window = 64;
    unsigned sockets = 1;        ///< of the phones, over UDP
    unsigned connections = 200;  ///< of the phones, over streams
    double rate = 1'000;         ///< of the open loop, a second
    double seconds = 10;         ///< of the open loop
    std::uint64_t seed = 1;
    std::uint32_t users = 0;
    std::uint32_t contacts = 1;  ///< phones of each
    std::uint32_t phones() const { return users * contacts; }
};

/// The server has its accounts. Prints every row when it is done.
Figures measure(Server& server, const Plan& plan);

/// Each phone registers over a connection of its own, and keeps it.
Figures measure_idle(Server& server, const Plan& plan);

/// All users register, the server is killed and started, and all come back at once.
Figures measure_storm(Server& server, const Plan& plan);

/// So many times: phones register, refresh and leave at full load, the server is killed at a random moment and started,
/// and every phone asks what is left of its binding.
Figures measure_kills(Server& server, const Plan& plan, unsigned rounds);

}  // namespace muster::bench
