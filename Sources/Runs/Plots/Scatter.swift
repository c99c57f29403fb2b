// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Foundation

/// Accuracy in the target against forgetting in the source languages: the picture of a merge's
/// trade. Up is better in the target, left keeps more of the source.
struct Scatter {
  /// What the horizontal axis shows.
  enum Forgetting {
    /// Change of source bits per byte from the base.
    case bitsPerByte
    /// Source accuracy of the best row minus that of this one.
    case accuracyLost
  }

  struct Point {
    var name: String
    var kind: ModelScores.Kind
    var x: Estimate
    var y: Estimate
    var isReference: Bool
  }

  let points: [Point]
  /// Floors: lines across, as they forget nothing and score no text.
  let floors: [(name: String, accuracy: Double)]
  let forgetting: Forgetting
  let target: String
  let source: String

  init(models: [ModelScores], reference: String, source: String, target: String) {
    self.source = source
    self.target = target
    let real = models.filter { $0.kind != .floor }
    let hasBits = real.contains { $0.kind != .base && $0.source?.bitsPerByteChange != nil }
    forgetting = hasBits ? .bitsPerByte : .accuracyLost
    let top = real.compactMap { $0.source?.accuracy?.value }.max() ?? 0
    points = real.compactMap { model in
      guard let y = model.target?.accuracy, y.value.isFinite else { return nil }
      let x: Estimate?
      if hasBits {
        x = model.source?.bitsPerByteChange ?? (model.kind == .base ? Estimate(0) : nil)
      } else {
        x = model.source?.accuracy.map { accuracy in
          Estimate(
            top - accuracy.value,
            interval: accuracy.interval.map { Interval(low: top - $0.high, high: top - $0.low) })
        }
      }
      guard let x, x.value.isFinite else { return nil }
      return Point(
        name: DisplayWidth.truncated(DisplayWidth.printable(model.name), to: 28),
        kind: model.kind, x: x, y: y, isReference: model.name == reference)
    }
    floors = models.filter { $0.kind == .floor }.compactMap { model in
      model.target?.accuracy.map {
        (DisplayWidth.truncated(DisplayWidth.printable(model.name), to: 28), $0.value)
      }
    }
  }

  /// The picture in a `width` × `height` box, `top` pixels left free above.
  func drawn(width: Double, height: Double, top: Double = 0) -> HTML {
    let frame = Box(x: 52, y: top + 24, width: width - 80, height: height - top - 78)
    let bottom = frame.y + frame.height
    let x = Axis(
      covering: Self.padded([0] + points.flatMap { [$0.x.value] + Self.ends($0.x) }),
      from: frame.x, to: frame.x + frame.width, tickCount: Int(frame.width / 90),
      roundEnds: false)
    let y = Axis(
      covering: floors.map(\.accuracy) + points.flatMap { [$0.y.value] + Self.ends($0.y) },
      from: bottom, to: frame.y, tickCount: 6, bounds: 0...1)
    var svg = HTML()
    for tick in y.ticks {
      let at = y.position(tick.value)
      svg += """
        <path class="grid" d="M\(frame.x) \(at)H\(frame.x + frame.width)"/>\
        <text class="tick" x="\(frame.x - 8)" y="\(at + 4)" text-anchor="end">\(tick.label)</text>

        """
    }
    for tick in x.ticks {
      let at = x.position(tick.value)
      let label = tick.value > 0 ? "+" + tick.label : tick.label
      svg += """
        <path class="\(abs(tick.value) < 1e-9 ? "zero" : "grid")" d="M\(at) \(frame.y)V\(bottom)"/>\
        <text class="tick" x="\(at)" y="\(bottom + 17)" text-anchor="middle">\(label)</text>

        """
    }
    let names =
      forgetting == .bitsPerByte
      ? [
        "\(source): change in bits per byte from the base → forgets",
        "\(source): bits per byte → forgets", "forgets →",
      ] : ["\(source): accuracy lost → forgets", "forgets →"]
    let axisName =
      names.first { LabelPlacement.width(of: $0, size: 12) < frame.width + 20 } ?? names[0]
    svg += """
      <text class="name" x="\(frame.x + frame.width)" y="\(bottom + 38)" text-anchor="end">\
      \(axisName)</text><text class="name" x="\(frame.x - 36)" y="\(frame.y - 12)">\
      \("↑ \(target): accuracy, with 95% interval")</text>

      """
    let marks = points.map { point in
      Box(x: x.position(point.x.value) - 8, y: y.position(point.y.value) - 8, width: 16, height: 16)
    }
    let floorLabels = floorLabels(y, frame, around: marks)
    svg += floorLines(y, frame, labels: floorLabels)
    svg += marksAndLabels(x, y, frame, avoiding: floorLabels)
    return svg
  }

  /// Room at both sides, so that the base at zero does not sit on the edge.
  private static func padded(_ values: [Double]) -> [Double] {
    guard let low = values.min(), let high = values.max() else { return values }
    return [low - (high - low) * 0.05, high + (high - low) * 0.05]
  }

  private static func ends(_ estimate: Estimate) -> [Double] {
    estimate.interval.map { [$0.low, $0.high] } ?? []
  }

  /// Where the floors' names go: at either end of the line, above or below, wherever they cover
  /// the fewest marks and no other name.
  private func floorLabels(_ y: Axis, _ frame: Box, around marks: [Box]) -> [Box] {
    var placed: [Box] = []
    for floor in floors {
      let width = LabelPlacement.width(of: Self.floorText(floor), size: 11)
      let line = y.position(floor.accuracy)
      let choices = [-15.0, 2, -29, 16].flatMap { dy in
        [frame.x + frame.width - width - 2, frame.x + 4].map {
          Box(x: $0, y: line + dy, width: width, height: 13)
        }
      }
      let cost = { (box: Box) in
        placed.reduce(marks.reduce(box.excess(of: frame)) { $0 + $1.overlap(box) }) {
          $0 + 4 * $1.overlap(box)
        }
      }
      placed.append(choices.min { cost($0) < cost($1) } ?? choices[0])
    }
    return placed
  }

  private static func floorText(_ floor: (name: String, accuracy: Double)) -> String {
    "\(floor.name) \(NumberText.fixed(floor.accuracy, 2))"
  }

  private func floorLines(_ y: Axis, _ frame: Box, labels: [Box]) -> HTML {
    var svg = HTML()
    for (floor, label) in zip(floors, labels) {
      let isLeft = label.x < frame.x + 5
      svg += """
        <path class="floor" d="M\(frame.x) \(y.position(floor.accuracy))H\(frame.x + frame.width)"/>\
        <text class="tick" x="\(isLeft ? label.x : label.x + label.width)" y="\(label.y + 10)" \
        text-anchor="\(isLeft ? "start" : "end")">\(Self.floorText(floor))</text>

        """
    }
    return svg
  }

  private func marksAndLabels(
    _ x: Axis, _ y: Axis, _ frame: Box, avoiding floorLabels: [Box]
  ) -> HTML {
    let places = points.map { (x: x.position($0.x.value), y: y.position($0.y.value)) }
    var lines: [Box] = []
    var whiskers = HTML()
    for (point, place) in zip(points, places) {
      if let interval = point.y.interval {
        let low = y.position(interval.low)
        let high = y.position(interval.high)
        lines.append(Box(x: place.x - 1, y: high, width: 2, height: low - high))
        whiskers += """
          <path class="whisker \(point.kind.rawValue)" d="M\(place.x) \(low)V\(high)"/>

          """
      }
      if let interval = point.x.interval {
        let low = x.position(interval.low)
        let high = x.position(interval.high)
        lines.append(Box(x: low, y: place.y - 1, width: high - low, height: 2))
        whiskers += """
          <path class="whisker \(point.kind.rawValue)" d="M\(low) \(place.y)H\(high)"/>

          """
      }
    }
    let marks = places.map { Box(x: $0.x - 7, y: $0.y - 7, width: 14, height: 14) }
    let labels = zip(points, places).map { point, place in
      LabelPlacement.Label(
        x: place.x, y: place.y, width: LabelPlacement.width(of: point.name, size: 12), height: 15)
    }
    let boxes = LabelPlacement.place(
      labels, obstacles: marks + floorLabels, lines: lines, in: frame)
    var leaders = HTML()
    var texts = HTML()
    for (index, point) in points.enumerated() {
      let box = boxes[index]
      let place = places[index]
      let nearX = min(box.x + box.width, max(box.x, place.x))
      let nearY = min(box.y + box.height - 3, max(box.y + 3, place.y))
      let distance = hypot(nearX - place.x, nearY - place.y)
      if distance > 13 {
        leaders += """
          <path class="leader" d="M\(place.x) \(place.y)L\(nearX) \(nearY)"/>

          """
      }
      texts += """
        <text class="label \(point.kind.rawValue)" x="\(box.x)" y="\(box.y + 12)">\(point.name)</text>

        """
    }
    var shapes = HTML()
    for (point, place) in zip(points, places) {
      shapes += mark(point, place.x, place.y)
    }
    return "\(whiskers)\(leaders)\(shapes)\(texts)"
  }

  private func mark(_ point: Point, _ x: Double, _ y: Double) -> HTML {
    let tip: HTML =
      "<title>\("\(point.name): \(target) acc \(NumberText.plusMinus(point.y, 3)); \(source) \(forgetting == .bitsPerByte ? "bits per byte" : "accuracy lost") \(NumberText.plusMinus(point.x, 3, signed: true))")</title>"
    let shape: HTML =
      switch point.kind {
      case .merge:
        "<path class=\"mark merge\" d=\"M\(x) \(y - 7)l7 7l-7 7l-7-7z\">\(tip)</path>"
      case .base:
        "<rect class=\"mark base\" x=\"\(x - 5)\" y=\"\(y - 5)\" width=\"10\" height=\"10\">\(tip)</rect>"
      default: "<circle class=\"mark baseline\" cx=\"\(x)\" cy=\"\(y)\" r=\"5.5\">\(tip)</circle>"
      }
    guard point.isReference else { return "\(shape)\n" }
    return "\(shape)<circle class=\"ring\" cx=\"\(x)\" cy=\"\(y)\" r=\"9\"/>\n"
  }

  /// A sentence for readers who do not see the picture.
  var summary: String {
    let parts = points.map {
      "\($0.name): target accuracy \(NumberText.fixed($0.y.value, 2)), \(NumberText.fixed($0.x.value, 3, signed: true))"
    }
    return parts.isEmpty ? "No model has both numbers." : parts.joined(separator: "; ") + "."
  }
}
