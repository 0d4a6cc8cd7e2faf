//! Pointwise work: operands in shapes that ONNX broadcasts as the graph does.

use super::error::Obstacle;
use super::expression;
use super::extent::Extent;
use super::translation::Translation;
use super::writer::Value;
use crate::graph::{Broadcast, Pointwise, Rows, TensorId};

impl Translation<'_, '_> {
    /// Writes an expression at each element, and returns its extents: rows and columns, or rows alone where there is
    /// one column.
    pub(super) fn pointwise(
        &mut self,
        works: [&Pointwise; 2],
        inputs: &[TensorId],
    ) -> Result<(Value, Vec<Extent>), Obstacle> {
        let [a, b] = works;
        if a.expr != b.expr || a.operands.len() != b.operands.len() {
            return Err(Obstacle::Values);
        }
        let extent = |of: usize| Extent::of([a.shape[of], b.shape[of]]).ok_or(Obstacle::Shape);
        let (rows, columns) = (extent(0)?, extent(1)?);
        let extents = match columns.is_one() {
            true => vec![rows],
            false => vec![rows, columns],
        };
        let mut operands = Vec::new();
        // Which extents some operand has.
        let mut covered = [rows.is_one(), columns.is_one()];
        for (index, &id) in inputs.iter().enumerate() {
            let broadcast = [a.operands[index], b.operands[index]];
            let (value, covers) = self.operand(id, broadcast, &extents)?;
            covered = [covered[0] || covers[0], covered[1] || covers[1]];
            operands.push(value);
        }
        let value = expression::write(&mut self.writer, &a.expr, &operands)?;
        if covered == [true, true] {
            return Ok((value, extents));
        }
        let shape = self.writer.shape(&extents);
        let value = self.writer.node("Expand", &[&value, &shape], []);
        Ok((value, extents))
    }

    /// An operand of work of these extents, in a shape that broadcasts to them, and whether it has all rows and all
    /// columns.
    fn operand(
        &mut self,
        id: TensorId,
        broadcast: [Broadcast; 2],
        work: &[Extent],
    ) -> Result<(Value, [bool; 2]), Obstacle> {
        let [rows, columns] = [work[0], work.get(1).copied().unwrap_or(Extent::Fixed(1))];
        let has_columns = broadcast[0].columns;
        if has_columns != broadcast[1].columns {
            return Err(Obstacle::Values);
        }
        // How many rows it has, and how often each comes, by itself or with the others.
        let (count, each, in_turn) = match broadcast.map(|of| of.rows) {
            [Rows::Shared(a), Rows::Shared(b)] => {
                let shared = Extent::of([a, b]).ok_or(Obstacle::Shape)?;
                (rows.by(shared).ok_or(Obstacle::Shape)?, shared, false)
            }
            [Rows::InTurn(a), Rows::InTurn(b)] => {
                let count = Extent::of([a, b]).ok_or(Obstacle::Shape)?;
                let times = match count.is_one() {
                    true => rows,
                    false => rows.by(count).ok_or(Obstacle::Shape)?,
                };
                (count, times, true)
            }
            _ => return Err(Obstacle::Values),
        };
        let width = if has_columns {
            columns
        } else {
            Extent::Fixed(1)
        };
        let flat = work.len() == 1;
        let own = match flat {
            true => vec![count],
            false => vec![count, width],
        };
        let mut value = self.value(id)?;
        let dims = self.extents(id)?;
        // A vector is a row of any matrix that has other rows.
        let is_row = !flat && count.is_one() && !rows.is_one() && dims == [width];
        if dims != own && !is_row {
            value = self.writer.reshape(&value, &own);
        }
        let covers = [count == rows, width == columns];
        if count == rows || count.is_one() || each.is_one() {
            return Ok((value, covers));
        }
        let one = Extent::Fixed(1);
        let tiled = match (flat, in_turn) {
            (true, true) => self.writer.tile(&value, &[each]),
            (false, true) => self.writer.tile(&value, &[each, one]),
            (true, false) => {
                let apart = self.writer.reshape(&value, &[count, one]);
                self.writer.tile(&apart, &[one, each])
            }
            (false, false) => {
                let apart = self.writer.reshape(&value, &[count, one, width]);
                self.writer.tile(&apart, &[one, each, one])
            }
        };
        let value = match in_turn {
            true => tiled,
            false => {
                let whole: Vec<_> = [rows].into_iter().chain((!flat).then_some(width)).collect();
                self.writer.reshape(&tiled, &whole)
            }
        };
        Ok((value, [true, covers[1]]))
    }
}
