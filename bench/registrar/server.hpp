#pragma once
// A registrar that is started, asked and ended here: a real process on a temporary folder.

#include <sched.h>

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "profile.hpp"
#include "wire.hpp"

namespace muster::bench {

namespace fs = std::filesystem;

/// A folder that ends with this object.
class TemporaryFolder {
public:
    explicit TemporaryFolder(const fs::path& parent);
    ~TemporaryFolder();
    TemporaryFolder(const TemporaryFolder&) = delete;
    TemporaryFolder& operator=(const TemporaryFolder&) = delete;
    const fs::path& path() const { return path_; }

private:
    fs::path path_;
};

struct ServerOptions {
    std::uint32_t users = 0;
    unsigned workers = 1;
    std::uint16_t port = 0;
    cpu_set_t cores{};  ///< where it may run
    fs::path folder;    ///< where its temporary folder is made
};

/// What becomes of requests for a user.
enum class LookUp : std::uint8_t { redirect, proxy };

/// Faults throw std::runtime_error with the server's last words.
class Server {
public:
    explicit Server(const ServerOptions& options);
    virtual ~Server();
    Server(const Server&) = delete;
    Server& operator=(const Server&) = delete;

    virtual std::string name() const = 0;
    /// Whether bindings outlive kill -9.
    virtual bool is_durable() const = 0;
    /// The accounts of all users, none of them bound; to be done once.
    virtual void provision() = 0;
    /// Forgets all bindings and starts with the accounts alone.
    void start_empty();
    /// Starts with what there is. Does not wait.
    void start();
    /// Until it answers an OPTIONS over UDP.
    void wait_until_it_answers();
    /// kill -9, then what is left of it.
    void kill() noexcept;
    /// SIGTERM, and waits for its end.
    void stop();
    virtual void look_up_by(LookUp) {}
    /// Changes that its store holds before the oldest must go; 0: it has no log of changes.
    virtual std::uint64_t log_limit() const { return 0; }

    double cpu_seconds() const;         ///< user and system time of all its processes
    std::uint64_t memory() const;       ///< bytes: the sum of PSS, or of RSS where PSS may not be read
    std::uint64_t peak_memory() const;  ///< most RSS so far, bytes
    void forget_peak() const;           ///< peak_memory() begins anew

    std::uint16_t port() const { return options_.port; }
    /// Of a transport.
    virtual std::uint16_t port(const Way&) const { return port(); }
    /// From here until the end of what it returns.
    std::unique_ptr<Profile> profile() const { return std::make_unique<Profile>(processes(), folder()); }

protected:
    virtual std::vector<std::string> command() const = 0;
    const ServerOptions& options() const { return options_; }
    const fs::path& folder() const { return folder_.path(); }
    fs::path data() const { return folder() / "data"; }          ///< what the server writes
    fs::path accounts() const { return folder() / "accounts"; }  ///< a copy of that, with accounts alone

private:
    std::vector<int> processes() const;
    std::string last_words() const;

    ServerOptions options_;
    TemporaryFolder folder_;
    int process_ = 0;
};

/// Runs a program to its end, with `input` if there is one. Throws when it fails.
void run_program(const std::vector<std::string>& command, const fs::path& input = {});

/// `programs` is the folder that musterd and musterctl are in.
std::unique_ptr<Server> make_musterd(const ServerOptions& options, const fs::path& programs);
/// Kamailio with bindings in memory alone, or written through to SQLite (WAL) before each answer. `config` is ours.
std::unique_ptr<Server> make_kamailio(const ServerOptions& options, const fs::path& config, bool write_through);
bool kamailio_is_installed();

}  // namespace muster::bench
