// The source `http`: a JSON document that is asked for again and again. Where the server says which version
// it has given (ETag, Last-Modified), it is asked for a newer one, and says when there is none (RFC 9110,
// section 13).
#include "discovery/http_client.h"
#include "discovery/json_items.h"
#include "discovery/kinds.h"
#include "discovery/search.h"
#include "discovery/value.h"

namespace weir::discovery {
namespace {

namespace asio = boost::asio;
using namespace std::chrono_literals;

constexpr Setting kSettings[] = {
    required({"url", Takes::text, "a URL"}),
    {.name = "interval", .takes = Takes::milliseconds, .least = 100, .most = 3600000, .fallback = "5s"},
    {.name = "lists", .takes = Takes::list, .what = "of JSON pointers", .fallback = "the answer itself"},
    {.name = "address", .takes = Takes::text, .what = "a JSON pointer", .fallback = "as items of a file"},
    {"port", Takes::text, "a JSON pointer"},
    {"weight", Takes::text, "a JSON pointer"},
    {"ready", Takes::text, "a JSON pointer"},
    {"headers", Takes::list, "of lines NAME: VALUE"},
    {"token_file", Takes::secret},
    {"tls", Takes::tls},
};
const Section kSection{"http", kSettings};

constexpr auto kPatience = 10s;

using Header = std::pair<std::string, std::string>;

Result<Header> read_header(const std::string& line) {
    auto colon = line.find(':');
    constexpr std::string_view kName =
        "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
    if (colon == line.npos || colon == 0 || line.find_first_not_of(kName) != colon || !is_header_text(line))
        return fail("'{}' is no header; write NAME: VALUE", excerpt(line));
    auto value = line.find_first_not_of(' ', colon + 1);
    return Header{line.substr(0, colon), value == line.npos ? "" : line.substr(value)};
}

class Http final : public Search {
  public:
    Http(const Surroundings& around, const model::SourceSpec& spec, Listener& listener);

  private:
    asio::awaitable<void> run() override;
    asio::awaitable<Status> look();
    void remember(const HttpAnswer& answer);

    HttpClient server_;
    const Clock::Duration interval_;
    JsonShape shape_;
    std::vector<Header> headers_;
    std::vector<Header> newer_than_;  // what the last answer was
};

Http::Http(const Surroundings& around, const model::SourceSpec& spec, Listener& listener)
    : Search(around, listener),
      server_(around.clock, *HttpUrl::parse(spec.text("url")), spec.find<model::Tls>("tls")),
      interval_(spec.duration("interval", 5s)),
      shape_{.lists = spec.list("lists"),
             .address = spec.text("address"),
             .port = spec.text("port"),
             .weight = spec.text("weight"),
             .ready = spec.text("ready")} {
    for (const auto& line : spec.list("headers")) headers_.push_back(*read_header(line));
    if (const auto* token = spec.find<model::FileText>("token_file"))
        headers_.emplace_back("Authorization", fmt::format("Bearer {}", token->view()));
}

asio::awaitable<void> Http::run() {
    for (;;) {
        auto done = co_await look();
        if (done) {
            calm_down();
            co_await wait(interval_);
        } else {
            newer_than_.clear();  // what is known is to be told again
            failed(done.error());
            co_await wait_for_next_try();
        }
    }
}

asio::awaitable<Status> Http::look() {
    HttpRequest request{.target = server_.server().target, .headers = headers_};
    request.headers.insert(request.headers.end(), newer_than_.begin(), newer_than_.end());
    auto answer = co_await server_.ask(request, kPatience);
    if (!answer) co_return propagate(answer);
    auto where = server_.server().server();
    if (answer->status == 304 && !newer_than_.empty()) co_return Status();
    if (answer->status == 401 || answer->status == 403)
        co_return fail("{}: {}; check 'token_file' and what its token may read", where, answer->complaint());
    if (answer->status != 200) co_return fail("{}: {}; check 'url'", where, answer->complaint());
    auto set = read_items(answer->body, shape_);
    if (!set) co_return propagate(set, where);
    remember(*answer);
    found(*std::move(set), where);
    co_return Status();
}

/// Of what was changed within the second of the answer there may come another version with the same names.
void Http::remember(const HttpAnswer& answer) {
    newer_than_.clear();
    auto tag = answer.header("etag"), date = answer.header("last-modified");
    if (!date.empty() && date == answer.header("date")) return;
    if (!tag.empty()) newer_than_.emplace_back("If-None-Match", tag);
    if (!date.empty()) newer_than_.emplace_back("If-Modified-Since", date);
}

Status check_headers(const model::SourceSpec& spec) {
    for (const auto& line : spec.list("headers"))
        if (auto header = read_header(line); !header) return propagate(header);
    const auto* token = spec.find<model::FileText>("token_file");
    if (token && !is_header_text(token->view())) return fail("'token_file' does not hold one line of text");
    return {};
}

Status check(const model::SourceSpec& spec) {
    auto url = HttpUrl::parse(spec.text("url"));
    if (!url) return propagate(url);
    if (spec.settings.contains("tls") && !url->secure) return fail("'tls' is of no use without an https URL");
    for (const auto& pointer : spec.list("lists"))
        if (auto good = check_pointer(pointer); !good) return good;
    for (const auto* name : {"address", "port", "weight", "ready"})
        if (auto good = check_pointer(spec.text(name)); !good) return propagate(good, name);
    return check_headers(spec);
}

}  // namespace

Kind http_kind() {
    return {{&kSection, check},
            [](const Surroundings& around, const model::SourceSpec& spec,
               Listener& listener) -> std::unique_ptr<Source> {
                return Search::start(around, std::make_shared<Http>(around, spec, listener));
            }};
}

}  // namespace weir::discovery
