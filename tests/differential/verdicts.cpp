// Reads messages from standard input, each behind its length in a line, and prints what the parser says of each.

#include <iostream>
#include <string>

#include "muster/base/text.hpp"
#include "muster/sip/parse.hpp"

using namespace muster;

int main() {
    for (std::string length; std::getline(std::cin, length);) {
        std::string bytes(base::decimal(length).value_or(0), '\0');
        if (!std::cin.read(bytes.data(), static_cast<std::streamsize>(bytes.size()))) return 1;
        sip::Message message;
        auto result = sip::parse(bytes, message);
        std::cout << (result ? "valid" : "invalid") << ' ' << (result ? "OK" : result.reason) << '\n';
    }
}
