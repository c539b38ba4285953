#pragma once
// The keys a load has met: exact, and given back to the system as a whole.

#include <algorithm>
#include <boost/unordered/unordered_flat_set.hpp>
#include <cstring>
#include <memory>
#include <string_view>
#include <vector>

namespace muster::store::sqlite {

class Seen {
public:
    /// False if it was there.
    bool add(std::string_view key) {
        if (keys_.contains(key)) return false;
        if (key.size() > left_) {
            left_ = std::max(key.size(), std::size_t{1} << 20);
            blocks_.push_back(std::make_unique_for_overwrite<char[]>(left_));
            free_ = blocks_.back().get();
        }
        std::memcpy(free_, key.data(), key.size());
        keys_.insert({free_, key.size()});
        free_ += key.size();
        left_ -= key.size();
        return true;
    }

private:
    boost::unordered_flat_set<std::string_view, std::hash<std::string_view>> keys_;
    std::vector<std::unique_ptr<char[]>> blocks_;
    char* free_ = nullptr;
    std::size_t left_ = 0;
};

}  // namespace muster::store::sqlite
