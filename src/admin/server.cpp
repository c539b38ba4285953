#include "muster/admin/server.hpp"

#include <thread>

#include "http_listener.hpp"
#include "hub.hpp"
#include "local_listener.hpp"

namespace muster::admin {

struct Server::Impl {
    std::shared_ptr<Hub> hub = std::make_shared<Hub>();
    std::unique_ptr<LocalListener> local;
    std::unique_ptr<HttpListener> http;
    std::thread thread;

    Impl(ServerOptions options, Handler handler) {
        hub->handler = std::move(handler);
        hub->silence = options.silence;
        local = std::make_unique<LocalListener>(hub, std::move(options.socket));
        if (options.http) http = std::make_unique<HttpListener>(hub, *options.http);
        thread = std::thread([this] { hub->io.run(); });
    }

    ~Impl() {
        boost::asio::post(hub->io, [this] {
            local->close();
            if (http) http->close();
            for (auto& session : hub->living()) session->close();
        });
        thread.join();
        {
            std::lock_guard lock(hub->mutex);
            hub->open = false;
        }
        hub->io.restart();
        hub->io.poll();  // answers that came last hold their sessions: let them go
    }
};

Server::Server(ServerOptions options, Handler handler)
    : impl_(std::make_unique<Impl>(std::move(options), std::move(handler))) {}

Server::Server(std::string socket_path, Handler handler)
    : Server(ServerOptions{.socket = std::move(socket_path)}, std::move(handler)) {}

Server::~Server() = default;

void Server::renew(const HttpOptions& options) {
    if (impl_->http) impl_->http->renew(options);
}

base::Address Server::http_address() const { return impl_->http ? impl_->http->address() : base::Address{}; }

}  // namespace muster::admin
