//! The sections of the field graph: names, rows, fields under datasets, edges both ways.

use std::io::{self, Read, Write};

use super::{
    Ends, GraphFileError, Sections, byte_lists, damaged, numbers, read_csr, split_lists, write_csr,
    write_section,
};
use crate::adjacency::Adjacency;
use crate::csr::{Csr, VIA_NONE, VIA_STATED};
use crate::fields::{FieldRow, Fields};
use crate::intern::{Interner, Strings};

const NAMES: &str = "f.names";
const ROWS: &str = "f.rows";
/// Fields under datasets, edges downstream, edges upstream: offsets, targets and vias of each.
const ADJACENCIES: [[&str; 3]; 3] = [
    ["fof.off", "fof.to", "fof.via"],
    ["fdn.off", "fdn.to", "fdn.via"],
    ["fup.off", "fup.to", "fup.via"],
];
pub(super) const SECTIONS_COUNT: u32 = 2 + 3 * ADJACENCIES.len() as u32;
pub(super) const LAST_SECTION: &str = ADJACENCIES[2][2];

/// Writes a packed field graph.
pub(super) fn write(out: &mut impl Write, fields: &Fields) -> io::Result<()> {
    let names = (0..fields.names.len()).map(|id| fields.names.get(id as u32).as_bytes());
    write_section(out, NAMES, &byte_lists(names))?;
    let rows: Vec<u32> = fields
        .rows()
        .flat_map(|row| [row.dataset, row.name])
        .collect();
    write_section(out, ROWS, &numbers(&rows))?;
    ADJACENCIES
        .into_iter()
        .zip(fields.adjacencies())
        .try_for_each(|(names, adjacency)| write_csr(out, names, adjacency.base()))
}

pub(super) fn read(
    sections: &mut Sections<impl Read>,
    is_job: &[bool],
) -> Result<Fields, GraphFileError> {
    let names = read_names(sections.whole(NAMES)?)?;
    let packed = sections.packed(ROWS, unpacked_row, "its rows do not fill it")?;
    let names_count = names.len() as u32;
    let is_sound = |row: &FieldRow| {
        is_job.get(row.dataset as usize) == Some(&false)
            && (row.is_whole() || row.name < names_count)
    };
    if !packed.iter().all(is_sound) {
        return Err(damaged(ROWS, "a field refers to what is not there"));
    }
    let (assets, fields) = (is_job.len(), packed.len());
    let mut ends = Ends {
        rows: assets,
        targets: fields,
        vias: 0,
    };
    let of_dataset = read_csr(ADJACENCIES[0], sections, ends)?;
    check_owners(&of_dataset, &packed)?;
    ends = Ends {
        rows: fields,
        targets: fields,
        vias: assets,
    };
    let downstream = read_csr(ADJACENCIES[1], sections, ends)?;
    let upstream = read_csr(ADJACENCIES[2], sections, ends)?;
    for (names, csr) in ADJACENCIES[1..].iter().zip([&downstream, &upstream]) {
        let is_way = |via: &u32| {
            *via == VIA_NONE || *via != VIA_STATED && is_job.get(*via as usize) == Some(&true)
        };
        if !csr.vias.iter().all(is_way) {
            return Err(damaged(names[2], "an edge is via what is no job"));
        }
    }
    if downstream.targets.len() != upstream.targets.len() {
        return Err(damaged(ADJACENCIES[2][1], "it has not the edges of fdn.to"));
    }
    let edges_count = downstream.targets.len();
    let adjacencies = [of_dataset, downstream, upstream].map(Adjacency::new);
    Ok(Fields::from_parts(&packed, names, adjacencies, edges_count))
}

fn unpacked_row(packed: [u8; 8]) -> FieldRow {
    let (words, _) = packed.as_chunks::<4>();
    FieldRow {
        dataset: u32::from_le_bytes(words[0]),
        name: u32::from_le_bytes(words[1]),
    }
}

fn read_names(bytes: &[u8]) -> Result<Strings, GraphFileError> {
    let names = Interner::new();
    for (id, list) in split_lists(NAMES, bytes)?.into_iter().enumerate() {
        let text = std::str::from_utf8(list).map_err(|_| damaged(NAMES, "a name is not UTF-8"))?;
        if names.intern::<str>(text) != Some(id as u32) {
            return Err(damaged(NAMES, "a name is there twice"));
        }
    }
    Ok(names)
}

/// Every field stands under its dataset, and nowhere else.
fn check_owners(of_dataset: &Csr, rows: &[FieldRow]) -> Result<(), GraphFileError> {
    let is_sound = of_dataset.targets.len() == rows.len()
        && of_dataset
            .offsets
            .windows(2)
            .enumerate()
            .all(|(dataset, ends)| {
                of_dataset.targets[ends[0] as usize..ends[1] as usize]
                    .iter()
                    .all(|field| {
                        rows[(*field & !crate::csr::SPECIAL) as usize].dataset as usize == dataset
                    })
            });
    if is_sound {
        Ok(())
    } else {
        Err(damaged(
            ADJACENCIES[0][1],
            "a field stands under another dataset than its own",
        ))
    }
}
