#pragma once
// Messages to be sent: the rules write them here, the hands carry them out.

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "muster/base/flow.hpp"

namespace muster::base {

/// A batch of outgoing messages in one reused buffer: in steady state a send allocates nothing.
class Sends {
public:
    struct Send {
        Flow flow;
        std::size_t offset = 0;
        std::size_t length = 0;
    };

    /// Begins a message to `flow`; append its bytes to the returned string, then call close().
    std::string& open(const Flow& flow) {
        entries_.push_back({flow, buffer_.size(), 0});
        return buffer_;
    }
    /// Ends the message begun last and returns its bytes (valid until the next open() or clear()).
    std::string_view close() {
        auto& last = entries_.back();
        last.length = buffer_.size() - last.offset;
        return bytes(last);
    }
    /// Takes back the message begun last.
    void abandon() {
        buffer_.resize(entries_.back().offset);
        entries_.pop_back();
    }
    /// Takes back a message that was begun and not closed, if there is one: memory ran out before its end.
    void drop_unclosed() {
        if (!entries_.empty() && entries_.back().length == 0) abandon();
    }
    void add(const Flow& flow, std::string_view bytes) {
        open(flow).append(bytes);
        close();
    }

    const std::vector<Send>& entries() const { return entries_; }
    std::string_view bytes(const Send& send) const {
        return std::string_view(buffer_).substr(send.offset, send.length);
    }
    bool empty() const { return entries_.empty(); }
    void clear() {
        entries_.clear();
        buffer_.clear();
    }

private:
    std::vector<Send> entries_;
    std::string buffer_;
};

}  // namespace muster::base
