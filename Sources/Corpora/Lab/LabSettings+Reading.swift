// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Documents

extension LabSettings {
  /// Reads a recipe's mapping over the defaults, with the keys of `json`. A list of `languages`
  /// replaces the default one; every language needs `code`, its other keys default to a
  /// language with no changes and no text. Throws for unknown keys, wrong types and ranges.
  public init(_ settings: Settings) throws {
    var settings = settings
    self.init()
    for (key, path, range) in Self.integers {
      self[keyPath: path] = try settings.int(key, default: self[keyPath: path], in: range)
    }
    for (key, path) in Self.shares {
      self[keyPath: path] = try settings.double(key, default: self[keyPath: path], in: 0...1)
    }
    sharedLabels = try settings.bool("shared_labels", default: sharedLabels)
    if settings.keys.contains("languages") {
      languages = try settings.children("languages").map { child in
        var child = child
        let language = Language(
          code: try child.string("code"),
          replacedShare: try child.double("replaced_share", default: 0, in: 0...1),
          soundChanges: try child.int("sound_changes", default: 0, in: 0...SoundLaw.pool.count),
          grammarChanges: try child.int(
            "grammar_changes", default: 0, in: 0...LabGrammar.traitCount),
          textBytes: try child.int("text_bytes", default: 0, in: 0...1_000_000_000),
          categoryShare: try child.double("category_share", default: 0, in: 0...1))
        try child.finish()
        return language
      }
    }
    try settings.finish()
    do { try validate() } catch CorpusError.setting(let key, let expected, let found) {
      throw settings.wrong(key, expected: expected, found: found)
    }
  }

  /// All settings with their keys, in a fixed order.
  public var json: JSON {
    var object = JSONObject()
    for (key, path, _) in Self.integers { object[key] = JSON(self[keyPath: path]) }
    for (key, path) in Self.shares { object[key] = JSON(self[keyPath: path]) }
    object["shared_labels"] = JSON(sharedLabels)
    object["languages"] = JSON(
      languages.map { language in
        [
          "code": JSON(language.code), "replaced_share": JSON(language.replacedShare),
          "sound_changes": JSON(language.soundChanges),
          "grammar_changes": JSON(language.grammarChanges),
          "text_bytes": JSON(language.textBytes),
          "category_share": JSON(language.categoryShare),
        ] as JSON
      })
    return .object(object)
  }
}
