// A list whose items are shared: a copy of it costs a pointer an item, and what two lists have in common is
// the very same object, so that they are compared, and brought from one to the other, by what differs. Items
// are read like those of a vector, and changed by edit() alone.
#pragma once

#include <compare>
#include <cstddef>
#include <initializer_list>
#include <iterator>
#include <memory>
#include <utility>
#include <vector>

namespace weir {

template <class T>
class SharedList {
  public:
    using Item = std::shared_ptr<const T>;  // never null
    using value_type = T;

    class const_iterator {
      public:
        using iterator_category = std::random_access_iterator_tag;
        using value_type = T;
        using difference_type = std::ptrdiff_t;
        using pointer = const T*;
        using reference = const T&;

        const_iterator() = default;
        explicit const_iterator(const Item* at) : at_(at) {}

        const T& operator*() const { return **at_; }
        const T* operator->() const { return at_->get(); }
        const T& operator[](difference_type n) const { return *at_[n]; }
        const_iterator& operator+=(difference_type n) { return at_ += n, *this; }
        const_iterator& operator-=(difference_type n) { return at_ -= n, *this; }
        const_iterator& operator++() { return *this += 1; }
        const_iterator& operator--() { return *this -= 1; }
        const_iterator operator++(int) { return const_iterator(at_++); }
        const_iterator operator--(int) { return const_iterator(at_--); }
        friend const_iterator operator+(const_iterator it, difference_type n) { return it += n; }
        friend const_iterator operator+(difference_type n, const_iterator it) { return it += n; }
        friend const_iterator operator-(const_iterator it, difference_type n) { return it -= n; }
        friend difference_type operator-(const_iterator a, const_iterator b) { return a.at_ - b.at_; }
        auto operator<=>(const const_iterator&) const = default;

      private:
        const Item* at_ = nullptr;
    };
    using iterator = const_iterator;

    SharedList() = default;
    SharedList(std::initializer_list<T> values) : SharedList(std::vector<T>(values)) {}
    explicit SharedList(std::vector<T> values) {
        for (auto& value : values) push_back(std::move(value));
    }
    explicit SharedList(std::vector<Item> items) : items_(std::move(items)) {}

    const_iterator begin() const { return const_iterator(items_.data()); }
    const_iterator end() const { return const_iterator(items_.data() + size()); }
    size_t size() const { return items_.size(); }
    bool empty() const { return items_.empty(); }
    const T& operator[](size_t i) const { return *items_[i]; }
    const T& at(size_t i) const { return *items_.at(i); }
    const T& front() const { return *items_.front(); }
    const T& back() const { return *items_.back(); }

    /// To hold on to one, and to tell by the pointer whether it is still the same.
    const Item& item(size_t i) const { return items_.at(i); }

    void push_back(T value) { items_.push_back(std::make_shared<const T>(std::move(value))); }
    void put(size_t i, Item item) { items_.at(i) = std::move(item); }
    void clear() { items_.clear(); }

    /// This list's own copy of an item; other lists keep theirs.
    T& edit(size_t i) {
        auto own = std::make_shared<T>(*items_.at(i));
        items_[i] = own;
        return *own;
    }

    template <class Change>
    void edit_each(Change change) {
        for (size_t i = 0; i < size(); i++) change(edit(i));
    }

    bool operator==(const SharedList& other) const {
        if (size() != other.size()) return false;
        for (size_t i = 0; i < size(); i++)
            if (items_[i] != other.items_[i] && !(*items_[i] == *other.items_[i])) return false;
        return true;
    }

  private:
    std::vector<Item> items_;
};

}  // namespace weir
