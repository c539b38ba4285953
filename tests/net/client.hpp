#pragma once
// Sockets of the other side. Every wait ends after ten seconds.

#include <string>
#include <string_view>

#include "muster/base/flow.hpp"

namespace muster::net {

class Client {
public:
    /// `from`: the address to send from, e.g. "127.0.0.9"; empty: any.
    Client(base::Transport transport, const base::Address& to, const std::string& from = "");
    ~Client();
    Client(const Client&) = delete;
    Client& operator=(const Client&) = delete;

    void send(std::string_view bytes);
    void send_to(const base::Address& to, std::string_view bytes);  ///< UDP
    /// As much as the kernel takes at once; -1 if the connection is gone.
    long try_send(std::string_view bytes);
    /// UDP: one datagram. Empty if none comes.
    std::string receive(int patience_ms = 10'000);
    /// UDP: one datagram if it is there already.
    std::string receive_now();
    const base::Address& sender() const { return sender_; }  ///< of the datagram received last

    /// TCP: exactly so many bytes; fewer at the end of the stream or of patience.
    std::string read(std::size_t count);
    /// TCP: one answer without body.
    std::string read_answer();
    /// TCP: what comes until the stream ends. `ended()` says whether it did, in good order.
    std::string read_all();
    bool ended() const { return ended_; }
    bool is_reset() const { return reset_; }
    void finish_writing();

private:
    bool wait(short what, int patience_ms = 10'000);

    int fd_;
    base::Address sender_{};
    std::string left_;  // read but not asked for yet
    bool ended_ = false;
    bool reset_ = false;
};

}  // namespace muster::net
