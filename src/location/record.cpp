// The text of a record:
//     record  = ( "1" / "2" ) *( RS binding )           RS = 0x1E, US = 0x1F
//     binding = remaining US interval US q US cseq US reg-id US age US contact US params US call-id US instance US path
//               US user-agent US flow                   and, in format 2: US gruu-epoch
// remaining: milliseconds from the change to expiry, "-" for never; age: milliseconds from the last REGISTER to the
// change; q: thousandths, empty when the client gave none; gruu-epoch: empty for none. Format 2 is written only where
// a binding has one. In a value each of the bytes 0x00 and 0x1C to 0x1F becomes
// 0x1D and the byte plus 0x40, so a separator is always a separator and plain SQL can split the text (schema/001.sql).

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>
#include <new>

#include "muster/base/text.hpp"
#include "muster/location/binding.hpp"

namespace muster::location {
namespace {

constexpr char field_end = 0x1F, binding_begin = 0x1E, escape = 0x1D;
constexpr char plain_format = '1', epoch_format = '2';
constexpr std::uint64_t longest = std::uint64_t{1} << 43;  // milliseconds; 2^32 seconds and more

constexpr bool is_special(char c) { return c == 0 || (c >= 0x1C && c <= 0x1F); }

bool has(std::string_view text, char c) { return text.find(c) != std::string_view::npos; }

char* put_value(char* out, std::string_view value) {
    *out++ = field_end;
    if (!base::has_control(value)) return std::copy(value.begin(), value.end(), out);
    for (char c : value) {
        if (is_special(c)) *out++ = escape;
        *out++ = is_special(c) ? static_cast<char>(c + 0x40) : c;
    }
    return out;
}

constexpr std::ptrdiff_t longest_number = std::numeric_limits<std::uint64_t>::digits10 + 1;
char* put_decimal(char* out, std::uint64_t value) { return std::to_chars(out, out + longest_number, value).ptr; }
char* put_number(char* out, std::uint64_t value) {
    *out++ = field_end;
    return put_decimal(out, value);
}

std::uint64_t milliseconds(base::Milliseconds span) {
    return std::min(longest, static_cast<std::uint64_t>(std::max<base::Milliseconds::rep>(span.count(), 0)));
}

constexpr std::size_t number_count = 7;
constexpr auto values_of = [](const Binding& b) {
    return std::array{b.contact, b.params, b.call_id, b.instance_id, b.path, b.user_agent, b.flow};
};

/// Bytes that put_binding() may write: every byte of a value may need an escape.
std::size_t most_bytes(const Binding& binding) {
    std::size_t bytes = number_count * (1 + longest_number);
    for (auto value : values_of(binding)) bytes += 1 + 2 * value.size();
    return bytes;
}

char* put_binding(char* out, base::Mono base, const Binding& binding, char format) {
    *out++ = binding_begin;
    if (binding.interval == 0)
        *out++ = '-';
    else
        out = put_decimal(out, milliseconds(binding.expires_at - base));
    out = put_number(out, binding.interval);
    *out++ = field_end;
    if (binding.has_q) out = put_decimal(out, std::min<std::uint16_t>(binding.q, 1000));
    out = put_number(out, binding.cseq);
    out = put_number(out, binding.reg_id);
    out = put_number(out, milliseconds(base - binding.updated_at));
    for (auto value : values_of(binding)) out = put_value(out, value);
    if (format == plain_format) return out;
    if (binding.gruu_epoch != 0) return put_number(out, binding.gruu_epoch);
    *out++ = field_end;
    return out;
}

/// The next piece of `rest`, up to `separator`, which is dropped.
std::string_view take(std::string_view& rest, char separator) {
    auto piece = rest.substr(0, rest.find(separator));
    rest.remove_prefix(std::min(rest.size(), piece.size() + 1));
    return piece;
}

/// Writes the value without its escapes; false when an escape stands for none of the bytes that need one.
bool unescape(std::string_view value, char*& out) {
    for (std::size_t i = 0; i < value.size(); ++i) {
        char c = value[i];
        if (c == escape) {
            if (++i == value.size()) return false;
            c = static_cast<char>(value[i] - 0x40);
            if (!is_special(c)) return false;
        }
        *out++ = c;
    }
    return true;
}

/// Reads the bindings of a record one by one. Values with escapes are taken from behind the text, where make() has put
/// them unescaped in the order they come.
class Reader {
public:
    Reader(std::string_view text, base::Mono base)
        : rest_(text.substr(std::min<std::size_t>(text.size(), 2))),
          unescaped_(text.data() + text.size()),
          base_(base),
          has_epochs_(text.starts_with(epoch_format)),
          escapes_(has(text, escape)) {}

    bool at_end() const { return rest_.empty(); }

    /// False when the binding is damaged.
    bool next(Binding& out) {
        line_ = take(rest_, binding_begin);
        unended_ = 0;
        return times(out) && numbers(out) && values(out) && epoch(out) && unended_ == 1;
    }

private:
    /// The next field. Of all the last alone has no separator behind it.
    std::string_view field() {
        const auto end = line_.find(field_end);
        if (end == line_.npos) ++unended_;
        auto piece = line_.substr(0, end);
        line_.remove_prefix(std::min(line_.size(), piece.size() + 1));
        return piece;
    }
    template <class T>
    bool number(T& out, std::uint64_t max = std::numeric_limits<T>::max()) {
        auto value = base::decimal(field(), max);
        out = static_cast<T>(value.value_or(0));
        return value.has_value();
    }
    bool times(Binding& out) {
        std::uint64_t remaining = 0;
        bool never = line_.starts_with('-');
        if (never ? field() != "-" : !number(remaining, longest)) return false;
        out.expires_at = base_ + base::Milliseconds(remaining);
        return number(out.interval) && never == (out.interval == 0);
    }
    bool numbers(Binding& out) {
        out.has_q = !line_.starts_with(field_end);
        if (out.has_q ? !number(out.q, 1000) : !field().empty()) return false;
        std::uint64_t age = 0;
        if (!number(out.cseq) || !number(out.reg_id) || !number(age, longest)) return false;
        out.updated_at = base_ - base::Milliseconds(age);
        return true;
    }
    bool values(Binding& out) {
        for (auto* value :
             {&out.contact, &out.params, &out.call_id, &out.instance_id, &out.path, &out.user_agent, &out.flow}) {
            *value = field();
            if (!escapes_ || !has(*value, escape)) continue;
            auto escapes = std::count(value->begin(), value->end(), escape);
            *value = {unescaped_, value->size() - static_cast<std::size_t>(escapes)};
            unescaped_ += value->size();
        }
        return true;
    }

    bool epoch(Binding& out) {
        out.gruu_epoch = 0;
        if (!has_epochs_) return true;
        const auto text = field();
        const auto value = base::decimal(text);
        out.gruu_epoch = value.value_or(0);
        return text.empty() || out.gruu_epoch != 0;
    }

    std::string_view rest_, line_;
    const char* unescaped_;
    base::Mono base_;
    bool has_epochs_;
    bool escapes_;
    int unended_ = 0;  ///< fields of this binding without a separator behind them
};

}  // namespace

std::uint32_t Binding::seconds_left(base::Mono now) const {
    if (interval == 0) return 0;
    auto left = (milliseconds(expires_at - now) + 999) / 1000;
    return static_cast<std::uint32_t>(std::clamp<std::uint64_t>(left, 1, 0xffff'ffffU));
}

Record::~Record() {
    if (!block_ || block_->owners.fetch_sub(1, std::memory_order_acq_rel) != 1) return;
    block_->~Block();
    ::operator delete(block_);
}

void Record::Block::expires_at(base::Mono at) {
    const auto seconds = (milliseconds(at - base) + 999) / 1000;
    lifetime = static_cast<std::uint32_t>(std::min<std::uint64_t>(lifetime, seconds));
}

Record Record::make(std::string_view aor, std::uint64_t version, base::Mono base, std::string_view text) {
    const bool escapes = has(text, escape);
    auto* memory = ::operator new(sizeof(Block) + aor.size() + text.size() * (escapes ? 2 : 1));
    auto* block = new (memory) Block;
    block->aor_length = static_cast<std::uint32_t>(aor.size());
    block->length = static_cast<std::uint32_t>(text.size());
    block->version = version;
    block->base = base;
    auto* out = std::copy(aor.begin(), aor.end(), static_cast<char*>(memory) + sizeof(Block));
    out = std::copy(text.begin(), text.end(), out);
    for (auto rest = escapes ? text : std::string_view{}; !rest.empty();) {
        auto value = rest.substr(0, std::min(rest.find(field_end), rest.find(binding_begin)));
        rest.remove_prefix(std::min(rest.size(), value.size() + 1));
        if (has(value, escape) && !unescape(value, out)) {
            Record damaged(block);
            return {};
        }
    }
    return Record(block);
}

Record Record::encode(std::string_view aor, std::uint64_t version, base::Mono base, std::span<const Binding> bindings) {
    std::size_t most = 1;
    for (const auto& binding : bindings) most += most_bytes(binding);
    boost::container::small_vector<char, 2048> text(most, boost::container::default_init);
    auto* end = text.data();
    const bool has_epochs = std::ranges::any_of(bindings, [](const Binding& each) { return each.gruu_epoch != 0; });
    const char format = has_epochs ? epoch_format : plain_format;
    if (!bindings.empty()) *end++ = format;
    for (const auto& binding : bindings) end = put_binding(end, base, binding, format);
    auto record = make(aor, version, base, {text.data(), end});
    for (const auto& binding : bindings)
        if (binding.interval != 0) record.block_->expires_at(binding.expires_at);
    return record;
}

std::optional<Record> Record::from_text(std::string_view aor, std::uint64_t version, base::Mono base,
                                        std::string_view text) {
    if (text.size() > 0xffff'ffffU || has(text, 0) || has(text, 0x1C)) return std::nullopt;
    if (!text.empty() &&
        (text.size() < 2 || (text[0] != plain_format && text[0] != epoch_format) || text[1] != binding_begin))
        return std::nullopt;
    auto record = make(aor, version, base, text);
    if (!record.block_) return std::nullopt;
    Binding binding;
    for (Reader reader(record.text(), base); !reader.at_end();) {
        if (!reader.next(binding)) return std::nullopt;
        if (binding.interval != 0) record.block_->expires_at(binding.expires_at);
    }
    if (text.ends_with(binding_begin)) return std::nullopt;
    return record;
}

std::size_t Record::size() const {
    std::size_t bindings = 0;
    for (auto rest = text(); !rest.empty(); ++bindings) take(rest, binding_begin);
    return bindings == 0 ? 0 : bindings - 1;  // the first piece is the number of the format
}

void Record::decode(Bindings& out) const {
    for (Reader reader(text(), base()); !reader.at_end();)
        if (!reader.next(out.emplace_back())) out.pop_back();
}

void Record::current(base::Mono now, Bindings& out) const {
    const auto before = static_cast<std::ptrdiff_t>(out.size());
    decode(out);
    out.erase(std::remove_if(out.begin() + before, out.end(), [now](const Binding& b) { return b.is_expired(now); }),
              out.end());
    sort_for_answer(std::span(out).subspan(static_cast<std::size_t>(before)));
}

std::optional<base::Mono> Record::next_expiry() const {
    if (!block_ || block_->lifetime == Block::never) return std::nullopt;
    return block_->base + base::Seconds(block_->lifetime);
}

void sort_for_answer(std::span<Binding> bindings) {
    if (bindings.size() < 2) return;
    std::stable_sort(bindings.begin(), bindings.end(), [](const Binding& a, const Binding& b) {
        return a.q != b.q ? a.q > b.q : a.updated_at > b.updated_at;
    });
}

}  // namespace muster::location
