#pragma once
#include <array>
#include <cstdint>
#include <span>

#include "core/types.hpp"

/// Inner products of points rounded to bytes, 32 coordinates or more an instruction.
///
/// The sums are whole numbers, so they are the same whichever instructions a processor has.
namespace cellweave::bytes {

/// References side by side in a panel.
inline constexpr Size panel_width = 16;
/// Queries that share the loads of a panel.
inline constexpr Size group_size = 4;
/// Coordinates that one lane of an instruction multiplies and adds up.
inline constexpr Size block = 4;

/// No query's byte is larger: two products with a reference's byte then fit into 16 bits.
inline constexpr int largest_query = 127;
inline constexpr int largest_reference = 127;

/// Bytes of a panel: blocks of 4 coordinates, in each the references one after another.
inline constexpr Size panel_bytes(Size n_blocks) {
    return n_blocks * panel_width * block;
}

/// The queries of a group, n_blocks x block bytes each; the same one may stand for several.
using Group = std::array<const std::uint8_t*, group_size>;

/// Inner products of `group_size` queries and every reference of some panels, each added to its reference's start.
///
/// @param panels    n_panels x panel_bytes(), each from -largest_reference to largest_reference.
/// @param starts    n_panels x panel_width.
/// @param queries   bytes of at most largest_query.
/// @param products  n_panels x group_size x panel_width.
using Products = void (*)(const std::int8_t* panels, const std::int32_t* starts, Size n_panels, Size n_blocks,
                          const Group& queries, std::int32_t* products);

/// One for each set of instructions that this processor has, the fastest first.
std::span<const Products> all_products();

}  // namespace cellweave::bytes
