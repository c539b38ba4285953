// Whatever comes where STUN may come: silence, or an answer to that very transaction, at most three times as long.

#include "input.hpp"
#include "muster/net/stun.hpp"

using namespace muster;

void fuzz(std::string_view input) {
    if (input.empty()) return;
    auto source = base::Address::v4(192, 0, 2, 1, 5060);
    if ((input.front() & 1) != 0) source = base::Address::parse("[2001:db8::1]:5060").value();
    const auto datagram = input.substr(1);
    std::string answer = "before";
    const auto kind = net::answer_stun(datagram, source, answer);
    require(answer.starts_with("before"));
    answer.erase(0, 6);
    require(answer.empty() == (kind != net::Stun::request));
    if (answer.empty()) return;
    require(net::may_be_stun(datagram) && net::may_be_stun(answer));
    require(answer.size() <= 3 * datagram.size() && answer.size() % 4 == 0);
    require(answer.substr(4, 16) == datagram.substr(4, 16));
    const auto length = static_cast<unsigned char>(answer[2]) << 8 | static_cast<unsigned char>(answer[3]);
    require(static_cast<std::size_t>(length) == answer.size() - 20);
    std::string again;
    require(net::answer_stun(answer, source, again) == net::Stun::none);  // two servers do not answer each other
}
