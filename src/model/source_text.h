// A source's settings as text: for people, and to know a source again. Never what files hold.
#pragma once

#include <string>

#include "model/source.h"

namespace weir::model {

std::string text_of(const SourceSpec::Value& value);

/// `etcd endpoints=http://10.0.0.1:2379 prefix=/web/`.
std::string text_of(const SourceSpec& spec);

}  // namespace weir::model
