//! Faults of the surroundings of a run: databases, files of settings, streams, limits (X39–X42, X44–X47, S2, S4).
