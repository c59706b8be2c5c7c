#include "discovery/json_items.h"

#include <boost/json.hpp>

#include "discovery/value.h"

namespace weir::discovery {
namespace {

namespace json = boost::json;

const json::value* find(const json::value& in, std::string_view pointer) {
    boost::system::error_code error;
    const auto* found = in.find_pointer(pointer, error);
    return error || !found || found->is_null() ? nullptr : found;
}

class Reader {
  public:
    Reader(const JsonShape& shape, Set& into) : shape_(shape), into_(into) {}

    /// What is in the list of that depth, and the lists below.
    void read(const json::array& list, size_t depth, const std::string& where);
    void enter(const json::value& document) { around_.push_back(&document); }

  private:
    const json::value* find_around(std::string_view pointer) const;
    void read_item(const json::value& item, const std::string& where);
    Result<Found> read_backend(const json::value& item) const;

    const JsonShape& shape_;
    Set& into_;
    std::vector<const json::value*> around_;  // the document first, the item last
};

const json::value* Reader::find_around(std::string_view pointer) const {
    for (auto each = around_.rbegin(); each != around_.rend(); ++each)
        if (const auto* found = find(**each, pointer)) return found;
    return nullptr;
}

/// As an object of discovery/value.h, so that the same is right in both.
Result<Found> Reader::read_backend(const json::value& item) const {
    json::object backend;
    if (!shape_.address.empty()) {
        const auto* address = find_around(shape_.address);
        if (!address) return fail("it has no {}", shape_.address);
        backend["address"] = *address;
    } else if (item.is_object()) {
        backend = item.get_object();
    } else {
        backend["address"] = item;
    }
    if (!shape_.port.empty())
        if (const auto* port = find_around(shape_.port)) backend["port"] = *port;
    if (!shape_.weight.empty())
        if (const auto* weight = find_around(shape_.weight)) backend["weight"] = *weight;
    return read_value(json::value(std::move(backend)));
}

void Reader::read_item(const json::value& item, const std::string& where) {
    if (!shape_.ready.empty()) {
        const auto* ready = find_around(shape_.ready);
        if (ready && ready->is_bool() && !ready->get_bool()) return;
    }
    take(read_backend(item), where, into_);
}

void Reader::read(const json::array& list, size_t depth, const std::string& where) {
    size_t number = 0;
    for (const auto& item : list) {
        auto here = fmt::format("{}{}item {}", where, where.empty() ? "" : ", ", ++number);
        around_.push_back(&item);
        if (depth >= shape_.lists.size()) {
            read_item(item, here);
        } else if (const auto* inner = find(item, shape_.lists[depth])) {
            if (inner->is_array())
                read(inner->get_array(), depth + 1, here);
            else
                take(fail("its {} is no list", shape_.lists[depth]), here, into_);
        }
        around_.pop_back();
    }
}

}  // namespace

Status check_pointer(std::string_view pointer) {
    auto wrong = [&] {
        return fail("'{}' is no JSON pointer; write /NAME, or /NAME/0/NAME for what is deeper",
                    excerpt(pointer));
    };
    if (!pointer.empty() && !pointer.starts_with('/')) return wrong();
    for (size_t at = pointer.find('~'); at != pointer.npos; at = pointer.find('~', at + 1))
        if (at + 1 == pointer.size() || (pointer[at + 1] != '0' && pointer[at + 1] != '1')) return wrong();
    return {};
}

Result<Set> read_items(std::string_view document, const JsonShape& shape) {
    boost::system::error_code error;
    auto value = json::parse(document, error);
    if (error) return fail("'{}' is not JSON: {}", excerpt(document), error.message());
    auto first = shape.lists.empty() ? std::string() : shape.lists.front();
    const auto* list = value.find_pointer(first, error);
    Set set;
    if (!error && list && list->is_null()) return set;
    if (error || !list || !list->is_array())
        return fail("there is no list{}{} in '{}'", first.empty() ? "" : " at ", first, excerpt(document));
    Reader reader(shape, set);
    reader.enter(value);
    reader.read(list->get_array(), 1, "");
    return set;
}

}  // namespace weir::discovery
