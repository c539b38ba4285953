#include "muster/auth/mac.hpp"

#include <cstring>

namespace muster::auth {
namespace {

Mac::Key drawn(base::Random& random) {
    Mac::Key key;
    random.fill(key);
    return key;
}

base::SipHash<2> keyed(const Mac::Key& key) {
    std::uint64_t halves[2];
    std::memcpy(halves, key.data(), key.size());
    return {halves[0], halves[1]};
}

}  // namespace

Mac::Mac(base::Random& random) : Mac(drawn(random)) {}
Mac::Mac(const Key& key) : keyed_(keyed(key)) {}

std::uint64_t Mac::of(std::initializer_list<std::string_view> parts) const {
    auto hash = keyed_;
    for (auto part : parts) {
        hash.absorb(part.size());
        if (auto rest = hash.absorb_words(part); part.size() % 8 != 0) hash.absorb(rest);
    }
    hash.absorb(parts.size());  // where SipHash has the length of its text
    return hash.finish();
}

}  // namespace muster::auth
