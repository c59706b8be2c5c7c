// For tests: holds a value against a JSON Schema (2020-12), as far as this project's schemas go. A keyword
// that it does not know is a failure, so that nothing is passed over.
#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>
#include <regex>
#include <set>
#include <string>

namespace weir::admin {

class SchemaCheck {
  public:
    /// The document has the schemas under #/components/schemas.
    explicit SchemaCheck(const boost::json::value& document)
        : schemas_(document.at("components").at("schemas").as_object()) {}

    /// What is wrong with the value, and where; "" if nothing is.
    std::string wrong(const boost::json::value& value, const boost::json::object& schema,
                      const std::string& at = "$") {
        for (const auto& [keyword, rule] : schema)
            if (auto text = keyword_wrong(value, schema, keyword, rule); !text.empty())
                return text.starts_with('$') ? text : at + text;
        return "";
    }

    /// Names of schemas that have been used.
    const std::set<std::string>& used() const { return used_; }

  private:
    using Value = boost::json::value;
    using Object = boost::json::object;

    static bool is(const Value& value, std::string_view type) {
        if (type == "string") return value.is_string();
        if (type == "integer") return value.is_int64() || value.is_uint64();
        if (type == "number") return value.is_number();
        if (type == "boolean") return value.is_bool();
        if (type == "null") return value.is_null();
        if (type == "array") return value.is_array();
        return type == "object" && value.is_object();
    }
    static bool is_time(const Value& value) {
        static const std::regex rfc3339(R"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z)");
        return value.is_string() && std::regex_match(value.get_string().c_str(), rfc3339);
    }
    std::string keyword_wrong(const Value& value, const Object& schema, std::string_view keyword,
                              const Value& rule) {
        if (keyword == "$ref") return referred(value, rule.as_string());
        if (keyword == "type") return is(value, rule.as_string()) ? "" : said(" is no ", rule, value);
        if (keyword == "format") return is_time(value) ? "" : said(" is no ", rule, value);
        if (keyword == "enum")
            return std::ranges::count(rule.as_array(), value) ? "" : said(" is none of ", rule, value);
        if (keyword == "minimum")
            return value.to_number<double>() >= rule.to_number<double>() ? ""
                                                                         : said(" is below ", rule, value);
        if (keyword == "maximum")
            return value.to_number<double>() <= rule.to_number<double>() ? ""
                                                                         : said(" is above ", rule, value);
        if (keyword == "items") return item_wrong(value.as_array(), rule.as_object());
        if (keyword == "anyOf") return choice_wrong(value, rule.as_array());
        if (keyword == "required") return missing(value.as_object(), rule.as_array());
        if (keyword == "properties") return property_wrong(value.as_object(), rule.as_object());
        if (keyword == "additionalProperties") return further_wrong(value.as_object(), schema, rule);
        return fmt::format(": this check does not know '{}'", keyword);
    }
    static std::string said(const char* what, const Value& rule, const Value& value) {
        return what + boost::json::serialize(rule) + ": " + boost::json::serialize(value).substr(0, 200);
    }
    std::string referred(const Value& value, const boost::json::string& to) {
        constexpr std::string_view kBase = "#/components/schemas/";
        std::string name(to);
        if (!name.starts_with(kBase) || !schemas_.contains(name.substr(kBase.size())))
            return ": there is no " + name;
        used_.insert(name.substr(kBase.size()));
        return inner(wrong(value, schemas_.at(name.substr(kBase.size())).as_object()));
    }
    static std::string inner(const std::string& text) { return text.empty() ? "" : text.substr(1); }
    std::string item_wrong(const boost::json::array& items, const Object& schema) {
        for (size_t i = 0; i < items.size(); ++i)
            if (auto text = wrong(items[i], schema); !text.empty())
                return fmt::format("[{}]{}", i, inner(text));
        return "";
    }
    std::string choice_wrong(const Value& value, const boost::json::array& choices) {
        std::string all;
        for (const auto& choice : choices) {
            auto text = wrong(value, choice.as_object());
            if (text.empty()) return "";
            all += (all.empty() ? "" : "; or ") + inner(text);
        }
        return " fits no choice: " + all;
    }
    static std::string missing(const Object& value, const boost::json::array& names) {
        for (const auto& name : names)
            if (!value.contains(name.as_string())) return " has no " + std::string(name.as_string());
        return "";
    }
    std::string property_wrong(const Object& value, const Object& schemas) {
        for (const auto& [name, schema] : schemas) {
            const auto* found = value.if_contains(name);
            if (!found) continue;
            if (auto text = wrong(*found, schema.as_object()); !text.empty())
                return "." + std::string(name) + inner(text);
        }
        return "";
    }
    std::string further_wrong(const Object& value, const Object& schema, const Value& rule) {
        const auto* known = schema.if_contains("properties");
        for (const auto& [name, each] : value) {
            if (known && known->as_object().contains(name)) continue;
            if (rule == false) return " has an unknown " + std::string(name);
            if (auto text = wrong(each, rule.as_object()); !text.empty())
                return "." + std::string(name) + inner(text);
        }
        return "";
    }

    const Object& schemas_;
    std::set<std::string> used_;
};

}  // namespace weir::admin
