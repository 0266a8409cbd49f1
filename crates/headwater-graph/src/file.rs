//! The graph file: a snapshot on disk, so that starting does not mean rebuilding.
//!
//! All numbers are little-endian. A header of 32 bytes: the magic, the format version (u32), the number of
//! sections (u32), the caller's mark (u64), the CRC-32C of these 24 bytes (u32), zero (u32). Then the sections in
//! a fixed order, each with its name (8 bytes), the length of its content (u64), the CRC-32C of the name, the
//! length and the content (u32), zero (u32), and the content. The two interval sections are reserved for the ranks
//! of valid times beside the edges; they are written empty.

mod fields;
mod sections;

use std::io::{self, Read, Write};

use crate::adjacency::Adjacency;
use crate::csr::{Csr, SPECIAL, VIA_NONE, VIA_STATED};
use crate::intern::{Interner, Sets, Strings};
use crate::rows::{CHUNK, Chunk, Row, Rows};
use crate::snapshot::{Counts, Parts, Snapshot};
use sections::Sections;

const MAGIC: &[u8; 8] = b"HWGRAPH\n";
const VERSION: u32 = 2;
const HEADER_BYTES: usize = 32;
const SECTION_HEADER_BYTES: usize = 24;
const ROW_BYTES: usize = 36;

/// The adjacencies in the order of their sections: offsets, targets and vias of each.
const ADJACENCIES: [[&str; 3]; 5] = [
    ["down.off", "down.to", "down.via"],
    ["up.off", "up.to", "up.via"],
    ["deri.off", "deri.to", "deri.via"],
    ["foll.off", "foll.to", "foll.via"],
    ["prec.off", "prec.to", "prec.via"],
];
const INTERVALS: [&str; 2] = ["down.int", "up.int"];
/// Strings, sets, rows, names, the adjacencies, the intervals and the fields.
const SECTIONS_COUNT: u32 =
    4 + 3 * ADJACENCIES.len() as u32 + INTERVALS.len() as u32 + fields::SECTIONS_COUNT;

/// Why a graph file was not read. The file can be made again from the log.
#[derive(Debug, thiserror::Error)]
pub enum GraphFileError {
    /// The file could not be read.
    #[error("graph file: {0}")]
    Io(#[from] io::Error),
    /// It is no graph file, or one of another version.
    #[error("graph file: this is not a graph file of version {VERSION}")]
    Unknown,
    /// What is there is not what was written.
    #[error("graph file: section {section:?} is damaged: {problem}")]
    Damaged {
        /// The section's name; `header` for what comes before the first.
        section: &'static str,
        /// What is wrong with it.
        problem: &'static str,
    },
}

fn damaged(section: &'static str, problem: &'static str) -> GraphFileError {
    GraphFileError::Damaged { section, problem }
}

impl Snapshot {
    /// Writes the graph, packed, and a mark of the caller's (the log offset that it stands for).
    ///
    /// # Errors
    /// What `out` returns. Writing is not buffered: sections are written whole.
    pub fn write_to(&self, mark: u64, mut out: impl Write) -> io::Result<()> {
        let is_packed = self.parts().counts.changes == 0
            && self.parts().downstream.base().offsets.len() == self.assets_count() + 1
            && self.parts().fields.is_packed(self.assets_count());
        if !is_packed {
            return self.compacted().write_to(mark, out);
        }
        let mut header = Vec::with_capacity(HEADER_BYTES);
        header.extend_from_slice(MAGIC);
        put(&mut header, VERSION);
        put(&mut header, SECTIONS_COUNT);
        header.extend_from_slice(&mark.to_le_bytes());
        let crc = crc32c::crc32c(&header);
        put(&mut header, crc);
        put(&mut header, 0);
        out.write_all(&header)?;

        let parts = self.parts();
        let strings =
            (0..parts.rows.strings.len()).map(|id| parts.rows.strings.get(id as u32).as_bytes());
        write_section(&mut out, "strings", &byte_lists(strings))?;
        let sets: Vec<Vec<u8>> = (0..parts.rows.sets.len())
            .map(|id| numbers(parts.rows.sets.get(id as u32)))
            .collect();
        write_section(
            &mut out,
            "sets",
            &byte_lists(sets.iter().map(Vec::as_slice)),
        )?;
        let mut rows = Vec::with_capacity(self.assets_count() * ROW_BYTES);
        for row in parts.rows.chunks().flat_map(|chunk| &chunk.rows) {
            put_row(&mut rows, row);
        }
        write_section(&mut out, "rows", &rows)?;
        let names = parts.rows.chunks().map(|chunk| chunk.names.as_bytes());
        write_section(&mut out, "names", &byte_lists(names))?;
        for (names, adjacency) in ADJACENCIES.into_iter().zip(parts.adjacencies()) {
            write_csr(&mut out, names, adjacency.base())?;
        }
        for name in INTERVALS {
            write_section(&mut out, name, &[])?;
        }
        fields::write(&mut out, &parts.fields)
    }

    /// Reads a graph file that is in memory.
    ///
    /// # Errors
    /// As [`Snapshot::read_from`].
    pub fn read_bytes(bytes: &[u8]) -> Result<(Self, u64), GraphFileError> {
        Self::read_from(bytes, bytes.len() as u64)
    }

    /// Reads a graph file of `bytes_count` bytes: the snapshot, and the caller's mark. It is read in small pieces.
    ///
    /// # Errors
    /// [`GraphFileError`]; whatever bytes come, it says what is wrong and never panics.
    pub fn read_from(input: impl Read, bytes_count: u64) -> Result<(Self, u64), GraphFileError> {
        let (mut sections, mark) = Sections::new(input, bytes_count)?;
        let strings = read_strings(sections.whole("strings")?)?;
        let sets = read_sets(sections.whole("sets")?)?;
        let rows = sections.packed("rows", unpacked_row, "its rows do not fill it")?;
        let rows = read_rows(&rows, sections.whole("names")?, strings, sets)?;
        let assets_count = rows.len();
        let is_job: Vec<bool> = rows
            .chunks()
            .flat_map(|chunk| &chunk.rows)
            .map(|row| row.kind() == headwater_model::AssetKind::Job)
            .collect();
        let mut adjacencies = Vec::with_capacity(ADJACENCIES.len());
        for names in ADJACENCIES {
            let ends = Ends {
                rows: assets_count,
                targets: assets_count,
                vias: assets_count,
            };
            adjacencies.push(read_csr(names, &mut sections, ends)?);
        }
        for name in INTERVALS {
            if !sections.whole(name)?.is_empty() {
                return Err(GraphFileError::Unknown);
            }
        }
        let fields = fields::read(&mut sections, &is_job)?;
        if !sections.is_at_end() {
            return Err(damaged(
                fields::LAST_SECTION,
                "bytes after the last section",
            ));
        }
        let Ok([downstream, upstream, derivations, followers, followed]) =
            <[Csr; ADJACENCIES.len()]>::try_from(adjacencies)
        else {
            return Err(GraphFileError::Unknown);
        };
        check_kinds("down.to", &downstream, &is_job)?;
        check_kinds("up.to", &upstream, &is_job)?;
        if downstream.targets.len() != upstream.targets.len() {
            return Err(damaged("up.to", "it has not the edges of down.to"));
        }
        let counts = Counts {
            walked: downstream.targets.len(),
            derivations: derivations.targets.len(),
            follows: followers.targets.len(),
            changes: 0,
        };
        let snapshot = Self::from_parts(Parts {
            rows,
            downstream: Adjacency::new(downstream),
            upstream: Adjacency::new(upstream),
            derivations: Adjacency::new(derivations),
            followers: Adjacency::new(followers),
            followed: Adjacency::new(followed),
            fields,
            counts,
        });
        Ok((snapshot, mark))
    }
}

fn put(out: &mut Vec<u8>, number: u32) {
    out.extend_from_slice(&number.to_le_bytes());
}

fn numbers(column: &[u32]) -> Vec<u8> {
    column
        .iter()
        .flat_map(|number| number.to_le_bytes())
        .collect()
}

/// How many lists, their lengths, their bytes.
fn byte_lists<'a>(lists: impl Iterator<Item = &'a [u8]> + Clone) -> Vec<u8> {
    let mut out = Vec::new();
    put(&mut out, lists.clone().count() as u32);
    for list in lists.clone() {
        put(&mut out, list.len() as u32);
    }
    for list in lists {
        out.extend_from_slice(list);
    }
    out
}

fn put_row(out: &mut Vec<u8>, row: &Row) {
    for number in [
        row.canonical,
        row.namespace,
        row.asset_type,
        row.domain,
        row.owners,
        row.tags,
        row.sources,
        row.name_start,
    ] {
        put(out, number);
    }
    out.extend_from_slice(&row.name_len.to_le_bytes());
    out.extend_from_slice(&row.flags.to_le_bytes());
}

fn section_header(name: &str, content: &[u8]) -> [u8; SECTION_HEADER_BYTES] {
    let mut header = [0; SECTION_HEADER_BYTES];
    header[..name.len()].copy_from_slice(name.as_bytes());
    header[8..16].copy_from_slice(&(content.len() as u64).to_le_bytes());
    let crc = crc32c::crc32c_append(crc32c::crc32c(&header[..16]), content);
    header[16..20].copy_from_slice(&crc.to_le_bytes());
    header
}

fn write_section(out: &mut impl Write, name: &str, content: &[u8]) -> io::Result<()> {
    out.write_all(&section_header(name, content))?;
    out.write_all(content)
}

/// The first `N` bytes and the rest.
fn take<const N: usize>(bytes: &[u8]) -> Option<([u8; N], &[u8])> {
    let (head, rest) = bytes.split_first_chunk::<N>()?;
    Some((*head, rest))
}

fn read_numbers(section: &'static str, bytes: &[u8]) -> Result<Vec<u32>, GraphFileError> {
    let (words, odd) = bytes.as_chunks::<4>();
    if !odd.is_empty() {
        return Err(damaged(section, "its length is not a multiple of four"));
    }
    Ok(words.iter().map(|word| u32::from_le_bytes(*word)).collect())
}

fn split_lists<'a>(
    section: &'static str,
    bytes: &'a [u8],
) -> Result<Vec<&'a [u8]>, GraphFileError> {
    let problem = || damaged(section, "its lists do not fill it");
    let (count, rest) = take::<4>(bytes).ok_or_else(problem)?;
    let lengths_bytes = (u32::from_le_bytes(count) as usize)
        .checked_mul(4)
        .ok_or_else(problem)?;
    let lengths = read_numbers(section, rest.get(..lengths_bytes).ok_or_else(problem)?)?;
    let mut rest = &rest[lengths_bytes..];
    let mut lists = Vec::with_capacity(lengths.len());
    for length in lengths {
        let (list, after) = rest.split_at_checked(length as usize).ok_or_else(problem)?;
        lists.push(list);
        rest = after;
    }
    if rest.is_empty() {
        Ok(lists)
    } else {
        Err(problem())
    }
}

fn read_strings(bytes: &[u8]) -> Result<Strings, GraphFileError> {
    let strings = Interner::new();
    for (id, list) in split_lists("strings", bytes)?.into_iter().enumerate() {
        let text =
            std::str::from_utf8(list).map_err(|_| damaged("strings", "a string is not UTF-8"))?;
        if strings.intern::<str>(text) != Some(id as u32) {
            return Err(damaged("strings", "a string is there twice"));
        }
    }
    Ok(strings)
}

fn read_sets(bytes: &[u8]) -> Result<Sets, GraphFileError> {
    let sets = Interner::new();
    for (id, list) in split_lists("sets", bytes)?.into_iter().enumerate() {
        let set = read_numbers("sets", list)?;
        if !set.is_sorted_by(|a, b| a < b) {
            return Err(damaged("sets", "a set is not sorted"));
        }
        if sets.intern::<[u32]>(&set) != Some(id as u32) {
            return Err(damaged("sets", "a set is there twice"));
        }
    }
    Ok(sets)
}

fn read_rows(
    rows: &[Row],
    names: &[u8],
    strings: Strings,
    sets: Sets,
) -> Result<Rows, GraphFileError> {
    let names = split_lists("names", names)?;
    if rows.len().div_ceil(CHUNK) != names.len() {
        return Err(damaged(
            "rows",
            "it has not as many rows as there are names",
        ));
    }
    let (strings_count, sets_count) = (strings.len() as u32, sets.len() as u32);
    let mut chunks = Vec::with_capacity(names.len());
    for (rows, names) in rows.chunks(CHUNK).zip(names) {
        let text =
            std::str::from_utf8(names).map_err(|_| damaged("names", "a name is not UTF-8"))?;
        for row in rows {
            let start = row.name_start as usize;
            let is_sound = row.namespace.max(row.asset_type) < strings_count
                && row.owners.max(row.tags).max(row.sources) < sets_count
                && text.get(start..start + usize::from(row.name_len)).is_some();
            if !is_sound {
                return Err(damaged("rows", "a row refers to what is not there"));
            }
        }
        chunks.push(Chunk {
            rows: rows.to_vec(),
            names: std::sync::Arc::new(text.to_owned()),
        });
    }
    let rows = Rows::from_chunks(chunks, strings, sets);
    let is_sound = |row: &Row| {
        rows.get(row.canonical)
            .is_some_and(|end| end.canonical == row.canonical && end.kind() == row.kind())
    };
    if !rows.chunks().flat_map(|chunk| &chunk.rows).all(is_sound) {
        return Err(damaged(
            "rows",
            "an asset is merged into one of another kind or one merged itself",
        ));
    }
    Ok(rows)
}

fn unpacked_row(packed: [u8; ROW_BYTES]) -> Row {
    let (words, _) = packed.as_chunks::<4>();
    let number = |at: usize| u32::from_le_bytes(words[at]);
    Row {
        canonical: number(0),
        namespace: number(1),
        asset_type: number(2),
        domain: number(3),
        owners: number(4),
        tags: number(5),
        sources: number(6),
        name_start: number(7),
        name_len: u16::from_le_bytes([packed[32], packed[33]]),
        flags: u16::from_le_bytes([packed[34], packed[35]]),
    }
}

fn write_csr(out: &mut impl Write, names: [&str; 3], csr: &Csr) -> io::Result<()> {
    let columns = [&csr.offsets, &csr.targets, &csr.vias];
    names
        .iter()
        .zip(columns)
        .try_for_each(|(name, column)| write_section(out, name, &numbers(column)))
}

/// How many there are of what an adjacency names.
#[derive(Clone, Copy)]
struct Ends {
    rows: usize,
    targets: usize,
    vias: usize,
}

fn read_csr(
    names: [&'static str; 3],
    sections: &mut Sections<impl Read>,
    ends: Ends,
) -> Result<Csr, GraphFileError> {
    let [offsets_name, targets_name, vias_name] = names;
    let offsets = sections.numbers(offsets_name)?;
    let targets = sections.numbers(targets_name)?;
    let vias = sections.numbers(vias_name)?;
    let is_whole = offsets.len() == ends.rows + 1
        && offsets.first() == Some(&0)
        && offsets.last().map(|end| *end as usize) == Some(targets.len());
    if !is_whole || !offsets.is_sorted() {
        return Err(damaged(offsets_name, "its rows do not fit the targets"));
    }
    let (bound, vias_bound) = (ends.targets as u32, ends.vias as u32);
    if targets.iter().any(|target| target & !SPECIAL >= bound) {
        return Err(damaged(targets_name, "it leads to what is not there"));
    }
    let has_special = targets.iter().any(|target| target & SPECIAL != 0);
    let is_via = |via: &u32| *via < vias_bound || *via >= VIA_STATED;
    let fits = vias.len() == targets.len() || vias.is_empty() && !has_special;
    if !fits || !vias.iter().all(is_via) {
        return Err(damaged(vias_name, "it does not fit the targets"));
    }
    Ok(Csr {
        offsets,
        targets,
        vias,
    })
}

/// A walk trusts that plain targets lead between datasets and jobs, and special ones as their vias say.
fn check_kinds(section: &'static str, csr: &Csr, is_job: &[bool]) -> Result<(), GraphFileError> {
    for (index, ends) in csr.offsets.windows(2).enumerate() {
        let slice = csr.range(ends[0] as usize, ends[1] as usize);
        let is_sound = (0..slice.targets.len()).all(|at| {
            let entry = slice.entry(at);
            let is_between = is_job[index] != is_job[entry.asset as usize];
            match (entry.is_special, entry.via) {
                (false, via) => is_between && via == VIA_NONE,
                (true, VIA_STATED) => is_between,
                (true, VIA_NONE) => !is_between && !is_job[index],
                (true, via) => !is_between && !is_job[index] && is_job[via as usize],
            }
        });
        if !is_sound {
            return Err(damaged(
                section,
                "an edge does not fit the kinds of its ends",
            ));
        }
    }
    Ok(())
}
