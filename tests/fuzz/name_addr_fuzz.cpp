// name-addr, Via, parameters and numbers: nothing is read beyond the bytes, and what was read reads the same again.

#include <string>

#include "input.hpp"
#include "muster/sip/headers.hpp"

using namespace muster;

namespace {

void check_params(const sip::Params& params) {
    std::string scratch;
    auto reader = params.read();
    while (auto param = reader.next()) {
        require(sip::is_token(param->name) && params.find(param->name));
        (void)sip::unquoted(param->value, scratch);
        (void)sip::parse_qvalue(param->value);
        (void)sip::expires_seconds(param->value);
    }
}

}  // namespace

void fuzz(std::string_view input) {
    if (auto address = sip::parse_name_addr(input)) {
        check_params(address->params);
        auto printed = "<" + std::string(address->uri_text) + ">" + std::string(address->params.text());
        auto again = sip::parse_name_addr(printed);
        require(again && again->uri_text == address->uri_text && again->tag() == address->tag());
    }
    if (auto via = sip::parse_via(input)) {
        check_params(via->params);
        auto again = sip::parse_via(via->text);
        require(again && again->host == via->host && again->port == via->port && again->branch == via->branch);
    }
    if (auto q = sip::parse_qvalue(input)) {
        std::string printed;
        sip::append_qvalue(printed, *q);
        require(sip::parse_qvalue(printed) == q);
    }
}
