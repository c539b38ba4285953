// What every limit of the configuration is and how often it was met, and the memory that follows from them.

#include "limits.hpp"

#include <algorithm>
#include <bit>
#include <fstream>
#include <string>

namespace muster::daemon {
namespace {

namespace json = boost::json;

constexpr std::uint64_t kib = 1024, mib = 1024 * kib;

/// Bytes of one thing at most, with what the tables around it take.
constexpr std::uint64_t of_account = 600;
constexpr std::uint64_t of_bindings = 64 * kib;   // of one account: registrar's too_large() says 60,000
constexpr std::uint64_t of_call = 6 * kib;        // passed on or kept for repetitions, without its message
constexpr std::uint64_t of_transaction = 512;     // without its bytes
constexpr std::uint64_t of_job = 2 * kib;         // without its message, which it holds and copies the head of
constexpr std::uint64_t of_connection = 8 * kib;  // without what is unread
constexpr std::uint64_t of_session = 40 * kib;    // of TLS, and a WebSocket in it, with a record that has begun
constexpr std::uint64_t of_host_name = 4 * kib;   // in the resolver's cache
constexpr std::uint64_t of_explained = 16 * kib;  // the request and two records, 4 kB each at most, and other texts
constexpr std::uint64_t of_socket = 2 * mib;      // datagrams that the kernel has no room for yet
constexpr std::uint64_t of_worker = 8 * mib;      // buffers for what is read, stack, outbox
constexpr std::uint64_t of_handovers = 5 * mib;   // responses on their way from other workers
constexpr std::uint64_t of_program = 64 * mib;    // libraries, log queue, pages of the database, heap not given back
constexpr std::uint64_t host_names = 10'000;

std::uint64_t resident() {
    std::ifstream pages("/proc/self/statm");
    std::uint64_t all = 0, in_memory = 0;
    pages >> all >> in_memory;
    return in_memory * 4 * kib;
}

json::object limit(std::uint64_t value) { return {{"limit", value}}; }
json::object limit(std::uint64_t value, std::uint64_t reached) { return {{"limit", value}, {"reached", reached}}; }

}  // namespace

json::object limits_json(const config::Config& config, const core::Settings& settings, const core::Counters& core,
                         const net::NetCounters& net) {
    const auto& tables = config.tables;
    const auto& requests = settings.request_limits;
    const auto& admission = settings.admission;
    return {{"message_bytes", limit(settings.limits.message_bytes, core.too_large)},
            {"headers", limit(settings.limits.headers, core.too_many_headers)},
            {"contacts", limit(settings.limits.contacts, core.too_many_contacts)},
            {"contacts_of_user", json::object{{"reached", core.contact_limit}}},
            {"requests", limit(requests.requests, core.crowded)},
            {"requests_of_strangers", limit(requests.of_strangers)},
            {"requests_of_source", limit(requests.of_source)},
            {"requests_for_user", limit(requests.for_user)},
            {"request_bytes", limit(requests.bytes)},
            {"guesses", limit(admission.guesses.burst, core.throttled)},
            {"guesses_of_source", limit(admission.guesses_of_source.burst)},
            {"answers_to_prefix", limit(admission.answers.burst, core.rationed)},
            {"queue", limit(admission.queue, core.overloaded)},
            {"queue_bytes", limit(admission.queue_bytes)},
            {"connections", limit(tables.connections, net.refused_connections)},
            {"connections_of_source", limit(tables.connections_of_source)},
            {"connection_output", limit(tables.connection_output, net.overflowed)},
            {"connection_bytes", limit(tables.connection_bytes)},
            {"transactions", limit(tables.transactions)},
            {"transaction_bytes", limit(tables.transaction_bytes)},
            {"transactions_waiting", limit(transaction::LayerOptions{}.pending, core.no_transaction)},
            {"nonces", limit(tables.nonces)},
            {"senders", limit(tables.senders)},
            {"phones", limit(tables.phones)},
            {"log_rows", limit(tables.log_rows)},
            {"explained", limit(tables.explained)}};
}

json::object memory_json(const config::Config& config, const core::Settings& settings, std::uint64_t workers,
                         std::uint64_t accounts) {
    const auto& tables = config.tables;
    const auto& requests = settings.request_limits;
    const auto& admission = settings.admission;
    const bool is_secure =
        std::ranges::any_of(config.listen, [](const auto& listen) { return base::is_secure(listen.transport); });
    const json::object parts{
        {"program", of_program + workers * (of_worker + of_handovers) + config.listen.size() * workers * of_socket},
        {"transactions",
         workers * (2 * tables.transaction_bytes + transaction::LayerOptions{}.pending * of_transaction) +
             tables.transactions * of_transaction},
        {"requests", workers * (requests.bytes + requests.requests * of_call)},
        {"queue", admission.queue * of_job + 2 * admission.queue_bytes},
        {"connections", tables.connections * (of_connection + (is_secure ? of_session : 0)) + tables.connection_bytes},
        {"names", workers * host_names * of_host_name},
        {"nonces", std::bit_ceil(tables.nonces) * 36},
        {"senders", std::bit_ceil(tables.senders) * 8},
        {"phones", std::bit_ceil(tables.phones) * 32},
        {"explained", workers * tables.explained * of_explained},
        {"accounts", accounts * of_account},
        {"bindings", accounts * of_bindings}};
    std::uint64_t ceiling = 0;
    for (const auto& part : parts) ceiling += part.value().to_number<std::uint64_t>();
    return {{"used", resident()}, {"ceiling", ceiling}, {"parts", parts}};
}

}  // namespace muster::daemon
