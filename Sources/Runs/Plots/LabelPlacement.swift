// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Foundation

/// A box in pixels.
struct Box: Equatable {
  var x: Double
  var y: Double
  var width: Double
  var height: Double

  func overlap(_ other: Box) -> Double {
    let w = min(x + width, other.x + other.width) - max(x, other.x)
    let h = min(y + height, other.y + other.height) - max(y, other.y)
    return w > 0 && h > 0 ? w * h : 0
  }

  /// Area outside of `frame`; exactly 0 inside, whatever the rounding.
  func excess(of frame: Box) -> Double {
    let area = width * height - overlap(frame)
    return area < 1e-6 ? 0 : area
  }

  /// Pixels from a point to the nearest edge; 0 inside.
  func distance(_ px: Double, _ py: Double) -> Double {
    hypot(max(x - px, px - x - width, 0), max(y - py, py - y - height, 0))
  }
}

/// Where labels go so that they cover neither each other nor the marks.
///
/// Every label has places around its point in eight directions and several distances, each with a
/// cost: covered area first, then distance, then direction (right of the point is best). Labels
/// take their cheapest place in turn; a few rounds let the early ones move away from later ones.
/// The result depends on the input only.
enum LabelPlacement {
  struct Label {
    var x: Double
    var y: Double
    var width: Double
    var height: Double
  }

  /// Boxes for `labels`, in their order. `obstacles` are marks; `lines` (whiskers) may be crossed
  /// at a price; boxes stay in `frame` if they fit at all.
  static func place(
    _ labels: [Label], obstacles: [Box], lines: [Box], in frame: Box
  ) -> [Box] {
    let choices = labels.map { candidates($0) }
    var placed = choices.map { $0[0].box }
    var settled = Set<Int>()
    for _ in 0..<4 {
      for index in labels.indices {
        var best = (cost: Double.infinity, box: placed[index])
        for (box, price) in choices[index] {
          var cost = price + 40 * box.excess(of: frame)
          let own = box.distance(labels[index].x, labels[index].y)
          for (other, label) in labels.enumerated() where other != index {
            // A reader gives a label to the nearest mark.
            cost += 6 * max(0, own + 6 - box.distance(label.x, label.y))
          }
          for obstacle in obstacles { cost += 12 * box.overlap(obstacle) }
          for line in lines { cost += 2.5 * box.overlap(line) }
          for other in labels.indices where other != index && settled.contains(other) {
            cost += 20 * box.overlap(placed[other])
          }
          if cost < best.cost { best = (cost, box) }
        }
        placed[index] = best.box
        settled.insert(index)
      }
    }
    return placed
  }

  private static func candidates(_ label: Label) -> [(box: Box, price: Double)] {
    var found: [(Box, Double)] = []
    let w = label.width
    let h = label.height
    for (ring, distance) in [9.0, 15, 24, 36, 52, 72, 96].enumerated() {
      let diagonal = distance * 0.72
      let places: [(Double, Double, Double)] = [
        (distance, -h / 2, 0), (diagonal, -diagonal - h * 0.7, 1),
        (diagonal, diagonal - h * 0.3, 1), (-distance - w, -h / 2, 2), (-w / 2, -distance - h, 2),
        (-diagonal - w, -diagonal - h * 0.7, 3), (-diagonal - w, diagonal - h * 0.3, 3),
        (-w / 2, distance, 3),
      ]
      for (dx, dy, price) in places {
        found.append(
          (
            Box(x: label.x + dx, y: label.y + dy, width: w, height: h),
            price * 3 + Double(ring * ring) * 6
          ))
      }
    }
    return found
  }

  /// Pixels of `text` in a sans-serif font of `size`; a little generous, because fonts differ.
  static func width(of text: String, size: Double) -> Double {
    var ems = 0.0
    for character in text {
      switch DisplayWidth.of(character) {
      case 0: continue
      case 2: ems += 1.05
      default:
        switch character {
        case "i", "j", "l", "t", "f", "r", "I", ".", ",", ":", ";", "'", "|", "!", "(", ")", " ":
          ems += 0.38
        case "m", "w", "M", "W", "@", "%", "—", "→": ems += 0.92
        case "A"..."Z", "Δ", "&": ems += 0.72
        default: ems += 0.6
        }
      }
    }
    return ems * size
  }
}
