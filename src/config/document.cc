// Built on the parser's events and not on its node type: events have the exact place of keys, repeat
// duplicate keys, and let the depth be bounded while the (recursive) parser is on its way down.
#include "config/document.h"

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

#include <algorithm>
#include <map>
#include <optional>
#include <sstream>

namespace weir::config {
namespace {

/// What ends the parsing from inside an event; it does not leave this file.
struct Refused {
    Mistake mistake;
};

Place place_of(const YAML::Mark& mark) {
    if (mark.is_null()) return {1, 1};
    return {mark.line + 1, mark.column + 1};
}

[[noreturn]] void refuse(Place at, std::string message) {
    throw Refused{{at.line, at.column, std::move(message)}};
}

class Builder : public YAML::EventHandler {
  public:
    explicit Builder(std::string_view text) : text_(text) {}

    void OnDocumentStart(const YAML::Mark& mark) override {
        if (root_) refuse(place_of(mark), "a second document begins here; write one document in a file");
    }
    void OnDocumentEnd() override {}

    void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
        Node node;
        node.place = place_of_null(mark);
        add(anchor, std::make_shared<const Node>(std::move(node)));
    }

    void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
        auto found = anchored_.find(anchor);
        if (found == anchored_.end())
            refuse(place_of(mark), "this alias stands inside the value that it names; write the value out");
        count(found->second->size, place_of(mark));
        attach(found->second);
    }

    void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  const std::string& value) override {
        check_tag(mark, tag);
        Node node;
        node.kind = Node::Kind::scalar;
        node.place = place_of(mark);
        node.text = value;
        add(anchor, std::make_shared<const Node>(std::move(node)));
    }

    void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                         YAML::EmitterStyle::value) override {
        open(Node::Kind::sequence, mark, tag, anchor);
    }
    void OnSequenceEnd() override { close(); }
    void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                    YAML::EmitterStyle::value) override {
        open(Node::Kind::mapping, mark, tag, anchor);
    }
    void OnMapEnd() override { close(); }

    NodePtr root() const { return root_ ? root_ : std::make_shared<const Node>(); }
    std::vector<Mistake> mistakes;

  private:
    struct Open {
        Node node;
        YAML::anchor_t anchor;
        NodePtr key;  // of a mapping, while its value has not come
    };

    void open(Node::Kind kind, const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor) {
        auto at = place_of(mark);
        check_tag(mark, tag);
        if (open_.size() == kMaxDepth)
            refuse(at, fmt::format("this is nested deeper than {} levels; no setting is", kMaxDepth));
        count(1, at);
        Open opened{{}, anchor, nullptr};
        opened.node.kind = kind;
        opened.node.place = at;
        open_.push_back(std::move(opened));
    }

    void close() {
        auto done = std::move(open_.back());
        open_.pop_back();
        auto node = std::make_shared<const Node>(std::move(done.node));
        if (done.anchor) anchored_[done.anchor] = node;
        attach(std::move(node));
    }

    void add(YAML::anchor_t anchor, NodePtr node) {
        count(1, node->place);
        if (anchor) anchored_[anchor] = node;
        attach(std::move(node));
    }

    void attach(NodePtr node) {
        if (open_.empty()) {
            root_ = std::move(node);
            return;
        }
        auto& [parent, anchor, key] = open_.back();
        parent.size += node->size;
        if (parent.kind == Node::Kind::sequence)
            parent.items.push_back(std::move(node));
        else if (!key)
            key = std::move(node);
        else
            parent.entries.push_back({std::exchange(key, nullptr), std::move(node)});
    }

    /// Aliases of aliases can write a file of a page out to more than any memory holds.
    void count(size_t nodes, Place at) {
        nodes_ += nodes;
        if (nodes_ > kMaxNodes)
            refuse(
                at,
                fmt::format(
                    "the file has more than {} values, aliases written out; write less or use fewer aliases",
                    kMaxNodes));
    }

    void check_tag(const YAML::Mark& mark, const std::string& tag) {
        if (tag.empty() || tag == "?" || tag == "!") return;
        auto at = place_of(mark);
        mistakes.push_back(
            {at.line, at.column, "a tag stands here; no setting takes one, write the value alone"});
    }

    /// The parser puts a value that is not there where the next token is. A reader looks for it at its key or
    /// its dash.
    Place place_of_null(const YAML::Mark& mark) const {
        auto at = static_cast<size_t>(std::max(mark.pos, 0));
        auto rest = text_.substr(std::min(at, text_.size()));
        bool written = rest.starts_with('~') || rest.starts_with("null") || rest.starts_with("Null") ||
                       rest.starts_with("NULL");
        if (open_.empty()) return place_of(mark);
        if (open_.back().key) return open_.back().key->place;
        if (written || open_.back().node.kind == Node::Kind::mapping) return place_of(mark);
        return dash_before(at, mark.line + 1).value_or(open_.back().node.place);
    }

    std::optional<Place> dash_before(size_t position, int line) const {
        auto before = text_.substr(0, position);
        auto dash = before.find_last_not_of(" \t\r\n");
        if (dash == before.npos || before[dash] != '-') return std::nullopt;
        auto lines = std::ranges::count(before.substr(dash), '\n');
        auto start = before.rfind('\n', dash);
        auto column = start == before.npos ? dash + 1 : dash - start;
        return Place{line - static_cast<int>(lines), static_cast<int>(column)};
    }

    std::string_view text_;
    NodePtr root_;
    std::vector<Open> open_;
    std::map<YAML::anchor_t, NodePtr> anchored_;
    size_t nodes_ = 0;
};

/// The length of the UTF-8 character that begins the text; 0 when none does. (RFC 3629)
size_t utf8_length(std::string_view text) {
    auto byte = [&](size_t i) { return i < text.size() ? static_cast<unsigned char>(text[i]) : 0u; };
    auto follows = [&](size_t i) { return (byte(i) & 0xc0) == 0x80; };
    auto first = byte(0);
    if (first < 0x80) return 1;
    if (first >= 0xc2 && first < 0xe0) return follows(1) ? 2 : 0;
    if (first >= 0xe0 && first < 0xf0) {
        bool overlong = first == 0xe0 && byte(1) < 0xa0;
        bool surrogate = first == 0xed && byte(1) >= 0xa0;
        return follows(1) && follows(2) && !overlong && !surrogate ? 3 : 0;
    }
    if (first >= 0xf0 && first < 0xf5) {
        bool overlong = first == 0xf0 && byte(1) < 0x90;
        bool beyond = first == 0xf4 && byte(1) >= 0x90;
        return follows(1) && follows(2) && follows(3) && !overlong && !beyond ? 4 : 0;
    }
    return 0;
}

/// The parser takes other encodings, and the byte 4 for the end of the text; an operator's file has neither.
std::optional<Mistake> find_bad_byte(std::string_view text) {
    int line = 1;
    size_t line_start = 0;
    for (size_t i = 0; i < text.size();) {
        auto byte = static_cast<unsigned char>(text[i]);
        auto column = static_cast<int>(i - line_start) + 1;
        bool control = (byte < 0x20 && byte != '\t' && byte != '\n' && byte != '\r') || byte == 0x7f;
        if (control)
            return Mistake{line, column,
                           fmt::format("the control character 0x{:02x} stands here; write text", byte)};
        auto length = utf8_length(text.substr(i));
        if (length == 0)
            return Mistake{line, column,
                           fmt::format("the byte 0x{:02x} is not UTF-8; save the file as UTF-8", byte)};
        i += length;
        if (byte == '\n') {
            line++;
            line_start = i;
        }
    }
    return std::nullopt;
}

std::unexpected<std::vector<Mistake>> only(Mistake mistake) {
    return std::unexpected(std::vector{std::move(mistake)});
}

}  // namespace

std::expected<NodePtr, std::vector<Mistake>> read_document(std::string_view text) {
    if (text.size() > kMaxFileSize)
        return only({0, 0, fmt::format("the file is larger than {} MiB; write less", kMaxFileSize >> 20)});
    if (auto bad = find_bad_byte(text)) return only(std::move(*bad));
    // The parser takes a quote that is never closed for closed where white space ends the text.
    std::istringstream stream{std::string(text.substr(0, text.find_last_not_of(" \t\r\n") + 1))};
    Builder builder(text);
    try {
        YAML::Parser parser(stream);
        while (parser.HandleNextDocument(builder)) {
        }
    } catch (const Refused& refused) {
        return only(refused.mistake);
    } catch (const YAML::Exception& exception) {
        auto at = place_of(exception.mark);
        return only(
            {at.line, at.column,
             fmt::format(
                 "this is not YAML: {}; look for a wrong indentation, bracket or quote here or before",
                 exception.msg)});
    }
    if (!builder.mistakes.empty()) return std::unexpected(std::move(builder.mistakes));
    return builder.root();
}

std::string_view describe(Node::Kind kind) {
    switch (kind) {
        case Node::Kind::empty:
            return "nothing";
        case Node::Kind::scalar:
            return "a single value";
        case Node::Kind::sequence:
            return "a list";
        case Node::Kind::mapping:
            return "a mapping";
    }
    return "?";
}

}  // namespace weir::config
