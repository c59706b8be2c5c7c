#include "config/klb/directives.h"

#include <algorithm>

#include "config/klb/values.h"
#include "config/reader.h"
#include "config/sections.h"

namespace weir::config::klb {
namespace {

constexpr std::string_view kDirectives[] = {"bind", "scheduler", "zeroconf_service", "zeroconf_domain",
                                            "zeroconf_interface"};
constexpr std::string_view kAtWords[] = {"@set", "@include", "@include_optional"};

std::unexpected<Mistake> mistake(Place at, std::string message) {
    return std::unexpected(Mistake{at.line, at.column, std::move(message)});
}

bool is_directive(std::string_view word) {
    return std::ranges::find(kDirectives, word) != std::end(kDirectives);
}

/// The value, or where and why it is none.
template <class T>
Read<void> put(Result<T> value, Place at, T& into) {
    if (!value) return mistake(at, std::move(value.error().message));
    into = *std::move(value);
    return {};
}

Read<void> refuse_at_word(Line& line) {
    const Place at = line.place();
    line.take('@');
    auto word = line.word();
    if (!word) return std::unexpected(word.error());
    const auto text = "@" + word->text;
    return mistake(at,
                   fmt::format("'{}' is not known; {}", text,
                               suggest(text, kAtWords, "there are @set, @include and @include_optional")));
}

Read<void> refuse_outside(const Token& word) {
    if (is_directive(word.text) || word.text == "zeroconf_type")
        return mistake(word.at,
                       fmt::format("'{}' stands outside of a service; write it between 'service {{' and '}}'",
                                   word.text));
    constexpr std::string_view kKnown[] = {"service"};
    return mistake(word.at, fmt::format("unknown directive '{}'; {}", word.text,
                                        suggest(word.text, kKnown, "write a service, 'service {'")));
}

Read<void> refuse_inside(const Token& word) {
    if (word.text == "service")
        return mistake(word.at,
                       "a service stands inside another; close that with '}' on a line of its own before");
    return mistake(word.at,
                   fmt::format("unknown directive '{}'; {}", word.text,
                               suggest(word.text, kDirectives,
                                       fmt::format("a service takes {}", fmt::join(kDirectives, ", ")))));
}

}  // namespace

void Directives::take(const std::string& file, Line line) {
    if (auto done = read_line(file, line); !done) remarks_.add(file, done.error());
}

Read<void> Directives::read_line(const std::string& file, Line& line) {
    if (line.next_is('}')) return close_service(line);
    if (auto expanded = line.expand(variables_); !expanded) return expanded;
    if (line.take("@set")) return set_variable(line);
    if (line.next_is('@')) return refuse_at_word(line);
    return open_ ? read_directive(file, line) : open_service(file, line);
}

Read<void> Directives::set_variable(Line& line) {
    auto name = line.name();
    if (!name) return std::unexpected(name.error());
    auto value = line.quoted();
    if (!value) return std::unexpected(value.error());
    if (value->text.size() > kLongestValue)
        return mistake(value->at,
                       fmt::format("the value has more than {} bytes; write a shorter one", kLongestValue));
    if (auto end = line.end(); !end) return end;
    variables_.insert_or_assign(std::move(name->text), std::move(value->text));
    return {};
}

Read<void> Directives::open_service(const std::string& file, Line& line) {
    auto word = line.word();
    if (!word) return std::unexpected(word.error());
    if (word->text != "service") return refuse_outside(*word);
    open_.emplace();
    open_->value.at = {file, word->at};
    if (!line.take('{')) return line.mistake("'{' is missing; write 'service {'");
    return line.end();
}

Read<void> Directives::read_directive(const std::string& file, Line& line) {
    auto word = line.word();
    if (!word) return std::unexpected(word.error());
    // The name that klb had for it before.
    if (word->text == "zeroconf_type") word->text = "zeroconf_service";
    if (!is_directive(word->text)) return refuse_inside(*word);
    auto [before, first] = open_->given.emplace(word->text, word->at);
    auto value = line.value();
    if (!value) return std::unexpected(value.error());
    if (auto end = line.end(); !end) return end;
    if (first) return read_value(file, word->text, *value);
    if (word->text == "bind" || word->text == "zeroconf_domain")
        return mistake(word->at, fmt::format("'{}' stands here again, after line {}; keep one of the two",
                                             word->text, before->second.line));
    remarks_.warn(file, word->at,
                  fmt::format("'{}' stands here again, after line {}; this one counts, as in klb", word->text,
                              before->second.line));
    return read_value(file, word->text, *value);
}

Read<void> Directives::read_value(const std::string& file, std::string_view directive, const Token& value) {
    auto& service = open_->value;
    if (directive == "scheduler") return put(read_scheduler(value.text), value.at, service.scheduler);
    if (directive == "zeroconf_service") return put(read_service_type(value.text), value.at, service.type);
    if (directive == "zeroconf_domain") return put(read_domain(value.text), value.at, service.domain);
    if (directive == "zeroconf_interface")
        return put(read_interface_name(value.text), value.at, service.interface);
    if (auto done = put(read_bind(value.text, outside_), value.at, service.bind); !done) return done;
    auto [before, is_new] = bound_.emplace(service.bind, Location{file, value.at});
    if (!is_new)
        return mistake(value.at,
                       fmt::format("{} is bound at {}:{} already; choose another address or port",
                                   service.bind.text(), before->second.file, before->second.at.line));
    if (!value.text.contains(service.bind.address.text()))
        remarks_.warn(file, value.at,
                      fmt::format("'{}' is {}, as klb reads it", value.text, service.bind.text()));
    return {};
}

Read<void> Directives::close_service(Line& line) {
    if (!open_) return line.mistake("'}' closes nothing; remove it, or write 'service {' before");
    line.take('}');
    if (auto end = line.end(); !end) return end;
    const auto& [file, at] = open_->value.at;
    if (!open_->given.contains("bind"))
        remarks_.add(file,
                     {at.line, at.column, "the service has no bind; add one such as bind \"192.0.2.1:80\""});
    if (!open_->given.contains("zeroconf_service"))
        remarks_.add(file, {at.line, at.column,
                            "the service has no zeroconf_service, so klb finds no workers; add one such as "
                            "zeroconf_service \"http\""});
    services_.push_back(std::move(open_->value));
    open_.reset();
    return {};
}

std::vector<Service> Directives::finish(const std::string& file) {
    if (open_) {
        const auto& [opened, at] = open_->value.at;
        remarks_.add(opened,
                     {at.line, at.column, "this service is not closed; write '}' on a line of its own"});
    } else if (services_.empty() && remarks_.mistakes().empty()) {
        remarks_.add(file,
                     {0, 0, "there is no service; write one, 'service {', with its directives and '}'"});
    }
    return std::move(services_);
}

}  // namespace weir::config::klb
